import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { openScene } from '../scenario.ts';
import { PRODUCT, permissionCodes, ruleOf, split } from './access-table.ts';
import { type Caller, type Cast, createCast } from './cast.ts';
import { hasParameters, makeThing, pathTo, type Thing } from './objects.ts';
import { createRawClient, OTHER, SAME } from './path-variants.ts';
import { createWorld, type World } from './world.ts';

const REFUSED: Record<string, string> = {
  anonymous: '401 unauthenticated',
  user: '403 forbidden',
  'every other code': '403 forbidden',
};
/** There is no such route, or no such path at all. */
const NO_ROUTE = /^(400|404|405) /;

describe('a path that is written in another way', () => {
  let w: World;
  let cast: Cast;
  let raw: ReturnType<typeof createRawClient>;
  before(async () => {
    w = await createWorld(await openScene());
    cast = createCast(w);
    await w.app.http.listen({ host: '127.0.0.1', port: 0 });
    raw = createRawClient((w.app.http.server.address() as AddressInfo).port);
  });
  after(async () => {
    raw.close();
    await w.close();
  });

  const codes = permissionCodes(PRODUCT);
  for (const code of codes) {
    const { method, path } = split(code);
    const { admitted, query = '', aal } = ruleOf(PRODUCT, code);
    // Nobody of the cast has two factors.
    const answered = aal === 2 ? '403 mfa_required' : String(admitted);
    const newThing = async (): Promise<Thing> =>
      hasParameters(path) ? makeThing(w, path) : { parameters: {}, owner: '', record: async () => null };

    test(`${code}: whoever may not, may not so either`, async () => {
      await cast.aimAt(code, codes);
      const thing = await newThing();
      const plain = pathTo(path, thing);
      const before = await thing.record();
      for (const [caller, refused = ''] of Object.entries(REFUSED)) {
        const token = await cast.token(caller as Caller);
        assert.equal(await raw.ask(method, plain + query, token), refused, caller);
        for (const [name, write] of Object.entries(SAME)) {
          assert.equal(await raw.ask(method, write(plain) + query, token), refused, `${name}, ${caller}`);
        }
        for (const [name, write] of Object.entries(OTHER)) {
          const answer = await raw.ask(method, write(plain), token);
          assert.ok(answer === refused || NO_ROUTE.test(answer), `${name}, ${caller}: ${write(plain)} ${answer}`);
        }
        if (method === 'GET') assert.equal(await raw.ask('HEAD', plain + query, token), refused.slice(0, 3), caller);
      }
      assert.deepEqual(await thing.record(), before);
    });

    test(`${code}: whoever may, may with encoded letters`, async () => {
      await cast.aimAt(code, codes);
      const token = await cast.token('exact role');
      for (const [name, write] of Object.entries(SAME)) {
        const target = write(pathTo(path, await newThing())) + query;
        assert.match(await raw.ask(method, target, token), new RegExp(`^${answered}`), `${name}: ${target}`);
      }
      const plain = pathTo(path, await newThing());
      for (const [name, write] of Object.entries(OTHER)) {
        assert.match(await raw.ask(method, write(plain), token), /^[234]/, name);
      }
      if (method === 'GET') assert.equal(await raw.ask('HEAD', plain + query, token), String(admitted));
    });
  }
});
