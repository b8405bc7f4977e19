import { answerCalls } from '../lib/calls.ts';
import { createHttpClient, expectStatus } from '../lib/http.ts';
import { type Crowd, emailOf } from '../lib/people.ts';

const PATH = '/api/v1/admin/users';
const PAGE_SIZE = 20;
/** As deep as pages go. */
const LAST_PAGE = 10_000 / PAGE_SIZE;
const CURSOR_PAGE_SIZE = 100;
/** Characters of the scattered part of an address: the fewest begin some 4,000 addresses of a million, eight a single one. */
const BEGINNINGS = [2, 3, 4, 6, 8];

/** Ways of asking for users, each measured by itself. */
export const KINDS = [
  'first page',
  'last page',
  'q by e-mail',
  'q by username',
  'q by all',
  'cursor',
  'cursor by e-mail',
] as const;
export type Kind = (typeof KINDS)[number];

export interface UsersListRound {
  url: string;
  accessToken: string;
  crowd: Crowd;
  people: number;
  /** Requests of each kind, one after another; so many pages are read by cursor, too. */
  requests: number;
}

/** Milliseconds of each answer. */
export type UsersListResult = Record<Kind, number[]>;

interface List {
  items: unknown[];
  total?: number;
  nextCursor?: string | null;
}

let turn = 0;

answerCalls({
  /** Asks in each way in turn. Throws where a list is empty. */
  async round({ url, accessToken, crowd, people, requests }: UsersListRound): Promise<UsersListResult> {
    const send = createHttpClient(url);
    const headers = { authorization: `Bearer ${accessToken}` };
    const times = Object.fromEntries(KINDS.map((kind) => [kind, [] as number[]])) as UsersListResult;
    const cursors = { cursor: '', 'cursor by e-mail': '' };

    async function read(kind: Kind, query: Record<string, string | number>): Promise<List> {
      const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, `${value}`]));
      const answer = await send('GET', `${PATH}?${search}`, { headers });
      const list = expectStatus<List>(answer, 200);
      if (list.items.length === 0) throw new Error(`${kind}: nobody was found by ${search}`);
      times[kind].push(answer.took);
      return list;
    }
    async function readOn(kind: keyof typeof cursors, sort: string): Promise<void> {
      const { nextCursor } = await read(kind, { sort, cursor: cursors[kind], pageSize: CURSOR_PAGE_SIZE });
      cursors[kind] = nextCursor ?? '';
    }

    for (let index = 0; index < requests; index++) {
      const scattered = emailOf(crowd, 1 + ((turn * 7919) % people)).slice(0, 8);
      const beginning = scattered.slice(0, BEGINNINGS[turn++ % BEGINNINGS.length]);
      await read('first page', {});
      await read('last page', { page: LAST_PAGE, pageSize: PAGE_SIZE });
      await read('q by e-mail', { q: beginning });
      await read('q by username', { q: `p${beginning}` });
      await read('q by all', { q: 'person' });
      await readOn('cursor', '-createdAt');
      await readOn('cursor by e-mail', 'email');
    }
    return times;
  },
});
