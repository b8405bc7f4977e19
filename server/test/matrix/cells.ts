import assert from 'node:assert/strict';
import { type AccessTable, permissionCodes, ruleOf, split } from './access-table.ts';
import { CALLERS, type Cast } from './cast.ts';
import { hasParameters, makeThing, pathTo, type Thing } from './objects.ts';
import { expected, outcomeOf } from './outcome.ts';
import { ask, type World } from './world.ts';

const NOTHING: Pick<Thing, 'parameters'> = { parameters: {} };

/** One row of the matrix: asks the route as everybody, and fails with all cells that are not as the table says. */
export async function assertRow(w: World, cast: Cast, table: AccessTable, code: string): Promise<void> {
  const rule = ruleOf(table, code);
  const { method, path } = split(code);
  const newThing = () => (hasParameters(path) ? makeThing(w, path) : NOTHING);
  if (rule.access === 'permission') await cast.aimAt(code, permissionCodes(table));
  let thing = await newThing();

  const wanted: Record<string, string> = {};
  const seen: Record<string, string> = {};
  for (const caller of CALLERS) {
    const want = expected(code, rule, caller);
    const status = caller === 'superadmin' ? (rule.superadmin ?? rule.admitted) : rule.admitted;
    wanted[caller] = want === 'admitted' ? `admitted ${status}` : want;

    const token = await (rule.endsCaller ? cast.freshToken(caller) : cast.token(caller));
    const answer = await ask(w, method, `${pathTo(path, thing)}${rule.query ?? ''}`, token);
    const saw = outcomeOf(answer);
    seen[caller] = saw === 'admitted' ? `admitted ${answer.statusCode}` : saw;
    // What somebody was let in to change is not what the next one should find.
    if (saw === 'admitted' && method !== 'GET') thing = await newThing();
  }
  assert.deepEqual(seen, wanted, code);
}
