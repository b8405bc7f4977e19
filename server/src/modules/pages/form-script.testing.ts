import { setImmediate } from 'node:timers/promises';
import { createContext, runInContext } from 'node:vm';
import { FORM_SCRIPT } from './form-script.ts';

export interface SentRequest {
  url: string;
  body: string;
}

type Listener = (event: { preventDefault(): void; target: { checked: boolean } }) => unknown;

/** As much of an element as the script touches. */
class Part {
  readonly attributes = new Map<string, string>();
  readonly id: string;
  hidden = true;
  disabled = false;
  textContent = '';
  type = '';
  focused = 0;
  readonly listen: (name: string, listener: Listener) => void;

  constructor(id: string, listen: (owner: string, name: string, listener: Listener) => void) {
    this.id = id;
    this.listen = (name, listener) => listen(id, name, listener);
  }

  addEventListener(name: string, listener: Listener): void {
    this.listen(name, listener);
  }
  setAttribute(name: string, value: unknown): void {
    this.attributes.set(name, String(value));
  }
  removeAttribute(name: string): void {
    this.attributes.delete(name);
  }
  matches(selector: string): boolean {
    return selector === ':disabled' && this.disabled;
  }
  focus(): void {
    this.focused += 1;
  }
}

interface Opened {
  /** What the address has behind its path. */
  hash: string;
  /** Name and value of each field, in the order of the page. */
  fields: [string, string][];
  answer: () => Promise<Response>;
  /** Whether the page has fields for the code of a mail. */
  takesCode?: boolean;
}

/** Runs the script on as much of a page as it touches; node has none. */
export function openPage({ hash, fields, answer, takesCode = false }: Opened) {
  const listeners = new Map<string, Listener>();
  const part = (id: string) => new Part(id, (owner, name, listener) => listeners.set(`${owner} ${name}`, listener));
  const ids = ['ask', ...(takesCode ? [] : ['missing']), 'done', 'problem', 'reveal'];
  const parts = new Map(ids.map((id) => [id, part(id)]));
  const inputs = new Map(fields.map(([name]) => [name, part(name)]));
  for (const name of inputs.keys()) parts.set(`${name}-fault`, part(`${name}-fault`));
  const passwords = [...inputs].filter(([name]) => /password/i.test(name)).map(([, input]) => input);
  for (const input of passwords) input.type = 'password';
  const button = Object.assign(part('button'), { textContent: 'Send' });
  const headings = new Map(ids.map((id) => [id, Object.assign(part(`${id} h1`), { textContent: `Heading of ${id}` })]));
  const typed = takesCode ? part('typed') : null;
  const form = Object.assign(part('form'), {
    dataset: { to: 'api/v1/setup', spent: 'This link is spent.' },
    elements: { namedItem: (name: string) => inputs.get(name) ?? null },
    querySelector: (selector: string) =>
      selector === 'button'
        ? button
        : ([...inputs.values()].find((input) => input.attributes.has('aria-invalid')) ?? null),
    querySelectorAll: (selector: string) =>
      selector === '[aria-invalid]'
        ? [...inputs.values()].filter((input) => input.attributes.has('aria-invalid'))
        : passwords,
    reset: () => fields.splice(0),
  });
  const location = { hash, pathname: '/setup', search: '' };
  const requests: SentRequest[] = [];
  const document = {
    title: 'Heading of ask',
    querySelector: (selector: string) => (selector === 'form' ? form : (headings.get(selector.slice(1, -3)) ?? null)),
    getElementById: (id: string) => (id === 'typed' ? typed : (parts.get(id) ?? null)),
  };
  const context = createContext({
    document,
    location,
    history: {
      replaceState: (_state: null, _title: string, url: string) => {
        location.hash = new URL(url, 'http://localhost').hash;
      },
    },
    addEventListener: (name: string, listener: Listener) => listeners.set(`window ${name}`, listener),
    FormData: function FormData() {
      return fields.filter(([name]) => inputs.get(name)?.disabled !== true);
    },
    fetch: (url: string, { body }: { body: string }) => {
      requests.push({ url, body });
      return answer();
    },
    AbortSignal,
    URLSearchParams,
  });
  runInContext(FORM_SCRIPT, context);
  const fire = async (name: string, checked = false) => {
    await listeners.get(name)?.({ preventDefault: () => {}, target: { checked } });
    await setImmediate();
  };
  const faultOf = (name: string) => parts.get(`${name}-fault`)?.textContent;
  return {
    location,
    requests,
    fire,
    typed,
    button,
    inputs,
    faultOf,
    headings,
    title: () => document.title,
    shown: () => ['ask', 'missing', 'done'].filter((id) => parts.get(id)?.hidden === false),
    problem: () => parts.get('problem')?.textContent,
    isInvalid: (name: string) => inputs.get(name)?.attributes.get('aria-invalid') === 'true',
  };
}
