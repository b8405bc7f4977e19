import type { Random } from './random.ts';
import type { Schema } from './routes.ts';
import { hostileText, notText, strangeMember, strangeName, writeJson } from './values.ts';

/** Real values that a run knows, by the name of the field that takes them, so that some inputs get deep into the server. */
export type Known = (field: string, random: Random) => string | undefined;

export interface Marks {
  /** Stands in what an input says, and in no error. */
  mark: string;
  /** Stands in passwords, and in no answer at all. */
  secret: string;
}

type Fields = Record<string, unknown>;

/** A value that a schema takes, as far as its texts can be guessed from the names of their fields. */
export function honestValue(schema: Schema, field: string, marks: Marks, known: Known, random: Random): unknown {
  const [type] = [schema.type].flat().filter((name) => name !== 'null');
  if (schema.const !== undefined) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[random.int(schema.enum.length)];
  if (Array.isArray(schema.anyOf)) {
    const kinds = (schema.anyOf as Schema[]).filter((kind) => kind.type !== 'null');
    return honestValue(kinds[random.int(kinds.length)] ?? {}, field, marks, known, random);
  }
  if (type === 'object') {
    const required = new Set((schema.required ?? []) as string[]);
    const members = Object.entries((schema.properties ?? {}) as Record<string, Schema>)
      .filter(([name]) => required.has(name) || random.chance(0.4))
      .map(([name, member]) => [name, honestValue(member, name, marks, known, random)]);
    return Object.fromEntries(members);
  }
  if (type === 'array') {
    const items = Array.from({ length: random.int(4) }, () => schema.items as Schema);
    return items.map((item) => honestValue(item, field, marks, known, random));
  }
  if (type === 'boolean') return random.chance(0.5);
  // Of a job; none that is scheduled here takes any.
  if (field === 'args' && random.chance(0.7)) return {};
  if (schema.format === 'date-time') return random.pick(['2027-01-01T00:00:00.000Z', null]);
  if (type === 'integer' || type === 'number') return random.int(50);
  return honestText(field, marks, known, random);
}

function honestText(field: string, { mark, secret }: Marks, known: Known, random: Random): string {
  const real = random.chance(0.5) ? known(field, random) : undefined;
  if (real !== undefined) return real;
  if (/password/i.test(field)) return `${secret} ${random.text(random.int(20))}`;
  if (/email/i.test(field)) return `${mark}@example.com`;
  if (field === 'code') {
    return random.chance(0.5) ? String(random.int(1_000_000)).padStart(6, '0') : `role_${random.int(20)}`;
  }
  if (field === 'permissions') return random.pick(['*', '*:/api/v1/*', 'GET:/api/v1/users/me', `GET:/${mark}`]);
  if (field === 'roles') return random.pick(['user', 'admin', 'guest', 'superadmin', `role_${random.int(20)}`]);
  if (field === 'phone') return `+49${random.int(1_000_000_000) + 1_000_000}`;
  if (field === 'locale') return random.pick(['en', 'de-CH', 'zh-Hant-TW', 'xx-invalid']);
  if (field === 'website') return `https://example.com/${mark}`;
  if (field === 'grant_type') return 'password';
  if (field === 'expression') return random.pick(['0 3 * * *', '*/5 * * * 1-5', '61 * * * *']);
  if (field === 'timeZone') return random.pick(['UTC', 'Europe/Zurich', 'Mars/Base']);
  if (field === 'job') return random.pick(['purge.jobs', 'keys.tend', mark]);
  return mark;
}

/** Spoils an honest body in one to three places, or all of it. */
export function spoil(body: unknown, marks: Marks, random: Random): unknown {
  if (typeof body !== 'object' || body === null || random.chance(0.06)) return notText(marks.mark, random);
  const spoilt: Fields = { ...(body as Fields) };
  for (let times = 1 + random.int(3); times > 0; times--) spoilOnce(spoilt, marks, random);
  return spoilt;
}

function spoilOnce(body: Fields, { mark, secret }: Marks, random: Random): void {
  const names = Object.keys(body);
  const name = names[random.int(names.length)];
  if (name === undefined || random.chance(0.12)) {
    body[strangeName(mark, random)] = random.chance(0.5) ? mark : notText(mark, random);
    return;
  }
  const value = body[name];
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && random.chance(0.7)) {
    const inner = { ...(value as Fields) };
    spoilOnce(inner, { mark, secret }, random);
    body[name] = inner;
    return;
  }
  const how = random.int(10);
  if (how < 5) body[name] = hostileText(/password/i.test(name) ? secret : mark, random);
  else if (how < 9) body[name] = notText(mark, random);
  else delete body[name];
}

/** The bytes of a JSON body: mostly as they should be, sometimes not JSON any more. */
export function jsonBytes(body: unknown, { mark }: Marks, random: Random): Buffer {
  let text = writeJson(body);
  if (random.chance(0.06) && text.startsWith('{')) {
    const member = strangeMember(mark, random);
    text = text === '{}' ? `{${member}}` : `{${member},${text.slice(1)}`;
  }
  return random.chance(0.15) ? brokenBytes(text, mark, random) : Buffer.from(text);
}

function brokenBytes(text: string, mark: string, random: Random): Buffer {
  const whole = Buffer.from(text);
  const at = random.int(whole.length + 1);
  const [head, tail] = [whole.subarray(0, at), whole.subarray(at)];
  const insert = (...bytes: number[]) => Buffer.concat([head, Buffer.from(bytes), tail]);
  return random.pick<() => Buffer>([
    () => Buffer.alloc(0),
    () => Buffer.from(' \n\t '),
    () => Buffer.from(head),
    () => insert(0xff),
    () => insert(0xc0, 0x80),
    () => insert(0xed, 0xa0, 0x80),
    () => insert(0xf4, 0x90, 0x80, 0x80),
    () => insert(0xe2, 0x82),
    () => insert(0),
    () => insert(0x1b),
    () => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), whole]),
    () => Buffer.from(text, 'utf16le'),
    () => Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, ...head]),
    () => Buffer.from(`${text}${text}`),
    () => Buffer.from(`${text}garbage ${mark}`),
    () => Buffer.from(text.replaceAll('"', "'")),
    () => Buffer.from(text.replace('}', ',}')),
    () => Buffer.from(`/* ${mark} */${text}`),
    () => Buffer.from(text.replace(':', ': NaN, "x":')),
    () => Buffer.from(`{${mark}:1}`),
    () => Buffer.from('['.repeat(100_000)),
    () => Buffer.from(`{"${mark}":`.repeat(5_000)),
    () => Buffer.from(`"${mark}`),
    () => Buffer.from(`{"email":"${mark}${'x'.repeat(300_000)}"}`),
    () => Buffer.from(`[${'{},'.repeat(60_000)}{}]`),
  ])();
}

/** The bytes of a form: the texts of a body, twisted now and then. */
export function formBytes(body: unknown, { mark }: Marks, random: Random): Buffer {
  const members = typeof body === 'object' && body !== null ? Object.entries(body) : [];
  const fields = members.map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : writeJson(value),
  ]);
  const text = new URLSearchParams(fields).toString();
  if (random.chance(0.7)) return Buffer.from(text);
  return random.pick<() => Buffer>([
    () => Buffer.from(`${text}&${text}`),
    () => Buffer.from(`${text}&username[]=${mark}&password[$ne]=${mark}`),
    () => Buffer.from(`${text}&__proto__=${mark}`),
    () => Buffer.from(`${text}&%zz=%`),
    () => Buffer.from([...Buffer.from(text), 0xff, 0xc0]),
    () => Buffer.from(`${'&'.repeat(5_000)}${text}`),
    () => Buffer.from(text.replaceAll('&', ';')),
    () => Buffer.from(`${'a=&'.repeat(50_000)}`),
    () => Buffer.alloc(0),
  ])();
}
