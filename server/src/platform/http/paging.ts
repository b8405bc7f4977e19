import { type Static, Type } from 'typebox';
import { decodeBase64url } from '../crypto/base64url.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { sameSecret } from '../crypto/one-time.ts';
import { platformErrors } from '../errors.ts';

/** Maximum row for pages and totals; cursors continue from there. */
export const PAGED_ROWS = 10_000;
const DEFAULT_PAGE_SIZE = 20;
const LARGEST_PAGE = 100;

/** The query of every list. A `cursor`, also an empty one, requests reading by cursor instead of by page. */
export const listQuery = {
  page: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGED_ROWS, description: 'Default 1.' })),
  pageSize: Type.Optional(Type.Integer({ minimum: 1, maximum: LARGEST_PAGE, description: 'Default 20.' })),
  cursor: Type.Optional(
    Type.String({ maxLength: 512, description: 'Empty at first; then `nextCursor` of the last answer.' }),
  ),
};

/** The answer of every list: with the members of pages, or with `nextCursor`. */
export function listSchema<T extends Parameters<typeof Type.Array>[0]>(item: T) {
  return Type.Object(
    {
      items: Type.Array(item),
      page: Type.Optional(Type.Integer()),
      pageSize: Type.Optional(Type.Integer()),
      total: Type.Optional(Type.Integer()),
      totalIsExact: Type.Optional(Type.Boolean()),
      nextCursor: Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'] })),
    },
    'title' in item ? { title: `${item.title}List` } : {},
  );
}

export type ListQuery = Static<ReturnType<typeof listQueryObject>>;
const listQueryObject = () => Type.Object(listQuery);

export interface ListSource<T> {
  /** The name of the list: a cursor of another list is refused. */
  name: string;
  /** Items after `after` (the last item's key), or after the first `skip`. */
  read(position: { after: string | null; skip: number; limit: number }): Promise<T[]>;
  /** The total, counted up to `limit`. */
  count(limit: number): Promise<number>;
  keyOf(item: T): string;
}

export interface ListPage<T> {
  items: T[];
  page?: number;
  pageSize?: number;
  total?: number;
  totalIsExact?: boolean;
  nextCursor?: string | null;
}

/** Reads a list by page or by cursor. Throws `validation_failed` for a page beyond the bound and for a cursor that is not from this list. */
export function createLists({ keyring }: { keyring: Keyring }) {
  const macOf = (name: string, key: string, keyId?: string) => keyring.mac('list-cursor', [name, key], keyId);

  function write(name: string, key: string): string {
    const mac = macOf(name, key).toString('base64url');
    return `${keyring.currentKeyId}.${Buffer.from(key).toString('base64url')}.${mac}`;
  }

  function read(name: string, cursor: string): string | null {
    if (cursor === '') return null;
    const [keyId = '', key = '', mac = ''] = cursor.split('.');
    const plain = decodeBase64url(key)?.toString();
    if (plain === undefined || !keyring.has(keyId)) throw invalid('/cursor');
    if (!sameSecret(mac, macOf(name, plain, keyId).toString('base64url'))) throw invalid('/cursor');
    return plain;
  }

  return async function list<T>(query: ListQuery, source: ListSource<T>): Promise<ListPage<T>> {
    const { page = 1, pageSize = DEFAULT_PAGE_SIZE, cursor } = query;
    if (cursor !== undefined) {
      const after = read(source.name, cursor);
      const items = await source.read({ after, skip: 0, limit: pageSize + 1 });
      const shown = items.slice(0, pageSize);
      const last = items.length > pageSize ? shown.at(-1) : undefined;
      return { items: shown, nextCursor: last === undefined ? null : write(source.name, source.keyOf(last)) };
    }
    if (page * pageSize > PAGED_ROWS) throw invalid('/page');
    const [items, counted] = await Promise.all([
      source.read({ after: null, skip: (page - 1) * pageSize, limit: pageSize }),
      source.count(PAGED_ROWS + 1),
    ]);
    const total = Math.min(counted, PAGED_ROWS);
    return { items, page, pageSize, total, totalIsExact: counted <= PAGED_ROWS };
  };
}

/** A list in memory; its keys are unique and determine its order. */
export function listArray<T>(name: string, all: readonly T[], keyOf: (item: T) => string): ListSource<T> {
  const sorted = [...all].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return {
    name,
    async read({ after, skip, limit }) {
      const rest = after === null ? sorted : sorted.filter((item) => keyOf(item) > after);
      return rest.slice(skip, skip + limit);
    },
    count: async (limit) => Math.min(sorted.length, limit),
    keyOf,
  };
}

export type Lists = ReturnType<typeof createLists>;

function invalid(path: string): Error {
  const message =
    path === '/cursor' ? 'This is not a cursor of this list.' : `Pages reach no further than row ${PAGED_ROWS}.`;
  return platformErrors.validation_failed({ errors: [{ in: 'query', path, message }] });
}
