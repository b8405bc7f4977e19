/** What became of people who were skipped, and what was left out of others. Each is told by its place. */
export const SKIPPED = {
  unreadable: 'rows that are not people',
  id_unusable: 'the id in the source is missing or unusable',
  id_repeated: 'the source has this id twice',
  email_missing: 'no e-mail address',
  email_invalid: 'the e-mail address is invalid',
  email_repeated: 'the source has this address twice, in whatever spelling',
  email_taken: 'an account that is not of this import has the address',
  deleted: 'deleted in the source',
} as const;

export const LEFT_OUT = {
  username_invalid: 'username left out: invalid here',
  username_reserved: 'username left out: reserved',
  username_taken: 'username left out: taken',
  username_look_alike: 'username left out: looks like another one',
  name_unusable: 'full name left out: not one line of at most 100 characters',
  phone_unusable: 'phone number left out: not in international form',
  hash_unknown: 'password left out: its hash is of no known form; a reset sets a new one',
  role_unknown: 'role left out: the mapping does not name it',
  superadmin: 'superadmin in the source, an ordinary account here unless named by --superadmin',
} as const;

export type Skipped = keyof typeof SKIPPED;
export type LeftOut = keyof typeof LEFT_OUT;
export type Told = Skipped | LeftOut;

/** What an import did so far. */
export interface Counts {
  read: number;
  made: number;
  /** Of earlier runs of this import. */
  present: number;
  skipped: Partial<Record<Skipped, number>>;
  leftOut: Partial<Record<LeftOut, number>>;
  /** By family of the password hash. */
  hashes: Record<string, number>;
  /** By name in the source, where the mapping does not name them. */
  unknownRoles: Record<string, number>;
  /** By form, as far as it can be told without repeating a secret. */
  unknownHashes: Record<string, number>;
  /** The first places of each. */
  samples: Partial<Record<Told, string[]>>;
}

/** Places that are kept of each kind, and names of unknown roles and hashes. */
const SAMPLES = 5;
const NAMES = 50;

export const noCounts = (): Counts => ({
  read: 0,
  made: 0,
  present: 0,
  skipped: {},
  leftOut: {},
  hashes: {},
  unknownRoles: {},
  unknownHashes: {},
  samples: {},
});

/** Adds one; of many different names only the first ones have their own count. */
export function countName(names: Record<string, number>, name: string): void {
  const known = Object.hasOwn(names, name) || Object.keys(names).length < NAMES ? name : '(others)';
  names[known] = (Object.hasOwn(names, known) ? (names[known] ?? 0) : 0) + 1;
}

export function countTold(counts: Counts, kind: Told, place: string): void {
  const group: Partial<Record<Told, number>> = kind in SKIPPED ? counts.skipped : counts.leftOut;
  group[kind] = (group[kind] ?? 0) + 1;
  const samples = counts.samples[kind] ?? [];
  if (samples.length < SAMPLES) counts.samples[kind] = [...samples, place];
}

/** The report for an operator: one line a fact. `isTrial`: nothing was written. */
export function reportOf(counts: Counts, { isTrial }: { isTrial: boolean }): string {
  const lines = [
    `${number(counts.read)} rows read`,
    `${number(counts.made)} accounts ${isTrial ? 'would be made' : 'made'}`,
    `${number(counts.present)} already here from this source`,
  ];
  const told = (title: string, group: Partial<Record<Told, number>>, texts: Record<string, string>) => {
    const entries = Object.entries(group) as [Told, number][];
    if (entries.length === 0) return;
    lines.push('', title);
    for (const [kind, count] of entries) {
      const samples = counts.samples[kind] ?? [];
      lines.push(
        `  ${number(count)} ${kind}: ${texts[kind]} (${samples.join(', ')}${count > samples.length ? ' …' : ''})`,
      );
    }
  };
  told('Skipped:', counts.skipped, SKIPPED);
  told('Made, with something left out:', counts.leftOut, LEFT_OUT);
  const named = (title: string, names: Record<string, number>) => {
    const entries = Object.entries(names).sort(([, a], [, b]) => b - a);
    if (entries.length > 0) lines.push('', title, ...entries.map(([name, count]) => `  ${number(count)} ${name}`));
  };
  named('Password hashes:', counts.hashes);
  named('Unknown forms of hashes:', counts.unknownHashes);
  named('Unknown roles:', counts.unknownRoles);
  return `${lines.join('\n')}\n`;
}

const number = (count: number) => count.toLocaleString('en-US');
