import assert from 'node:assert/strict';
import { it } from 'node:test';
import { HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { LATER, makeEvent, makeId, makeRole, makeUnwritableEvent } from '../../../test/fixtures.ts';
import {
  assertHistory,
  describeStore,
  evictionsOf,
  itRaces,
  type Open,
  onFresh,
  race,
  theWinner,
} from '../../../test/store-contract.ts';
import { BUILT_IN } from './built-in-roles.ts';
import type { RolePatch, RoleRecord } from './role-store.ts';

const targetOf = ({ id }: Pick<RoleRecord, 'id'>) => `role:${id}`;
const at = ({ id, version }: Pick<RoleRecord, 'id' | 'version'>) => ({ id, version, now: LATER });

/** Every adapter of the role store keeps this. */
export function roleStoreContract(open: Open): void {
  describeStore('RoleStore', open, (opened) => {
    const roles = () => opened().storage.roles;

    async function insert(fields: Partial<RoleRecord> = {}) {
      const role = makeRole(fields);
      const event = makeEvent(targetOf(role));
      assert.equal(await roles().insert(role, event), 'ok');
      return { role, event };
    }

    it('four roles are built in', () =>
      onFresh(open, async ({ storage }) => {
        const found = await storage.roles.list();
        const told = found.map(({ id, code, builtIn, enabled, permissions, version }) => {
          assert.deepEqual([builtIn, enabled, version], [true, true, 1]);
          return [id, code, permissions];
        });
        assert.deepEqual(told, [
          [BUILT_IN.admin, 'admin', ['*:/api/v1/*']],
          [BUILT_IN.guest, 'guest', []],
          [BUILT_IN.superadmin, 'superadmin', ['*']],
          [BUILT_IN.user, 'user', []],
        ]);
        const limits = found.map(({ rateLimit }) => rateLimit);
        const usual = { max: 3000, windowSeconds: 60 };
        assert.deepEqual(limits, [usual, { max: 24, windowSeconds: 86_400 }, usual, usual]);
        assert.ok(found.every(({ mfa, trustDevices }) => mfa === 'off' && !trustDevices));
      }));

    it('gives back what was put in, with its event', async () => {
      const empty = { description: null, rateLimit: null, permissions: [], uiPermissions: { buttons: [], menus: [] } };
      const guarded = { mfa: 'phishing_resistant', trustDevices: true } as const;
      for (const fields of [{}, { ...empty, ...guarded, enabled: false, builtIn: true }]) {
        const { role, event } = await insert(fields);
        assert.deepEqual(await roles().find(role.id), role);
        assert.deepEqual(
          (await roles().list()).find(({ id }) => id === role.id),
          role,
        );
        await assertHistory(opened(), targetOf(role), [event]);
        assert.equal((await evictionsOf(opened(), targetOf(role))).length, 1);
      }
      assert.equal(await roles().find(makeId()), null);
    });

    it('lists by code, as bytes', () =>
      onFresh(open, async ({ storage }) => {
        for (const code of ['b', 'Z', 'a-b', 'a', 'a_b', 'ä']) {
          const role = makeRole({ code });
          await storage.roles.insert(role, makeEvent(targetOf(role)));
        }
        const codes = (await storage.roles.list()).filter(({ builtIn }) => !builtIn).map(({ code }) => code);
        assert.deepEqual(codes, ['Z', 'a', 'a-b', 'a_b', 'b', 'ä']);
      }));

    it('keeps texts as they are', async () => {
      for (const [i, text] of HOSTILE_TEXTS.entries()) {
        const fields = { name: text, description: text, permissions: [text, text] };
        const { role } = await insert({ ...fields, uiPermissions: { buttons: [text], menus: [text] } });
        assert.deepEqual(await roles().find(role.id), role, `text ${i}`);
      }
    });

    it('patches what is said and nothing else', async () => {
      const { role, event: began } = await insert();
      const patches: RolePatch[] = [
        { name: 'Another' },
        { code: `another_${role.code}`, description: null, rateLimit: null },
        { enabled: false, permissions: ['*'], uiPermissions: { buttons: ['x'], menus: [] } },
        { rateLimit: { max: 1, windowSeconds: 2 }, description: 'Again', enabled: true },
        { mfa: 'required' },
        { trustDevices: true },
        { mfa: 'phishing_resistant', trustDevices: false, name: 'Guarded' },
      ];
      const history = [began];
      let present = role;
      for (const patch of patches) {
        const event = makeEvent(targetOf(role));
        assert.equal(await roles().patch(at(present), patch, event), 'ok');
        history.push(event);
        present = { ...present, ...patch, updatedAt: LATER, version: present.version + 1 };
        assert.deepEqual(await roles().find(role.id), present);
      }
      await assertHistory(opened(), targetOf(role), history);
    });

    it('a code belongs to one role, until it goes', async () => {
      const { role } = await insert();
      const rival = makeRole({ code: role.code });
      assert.equal(await roles().insert(rival, makeEvent(targetOf(rival))), 'code_taken');
      const { role: other } = await insert();
      assert.equal(await roles().patch(at(other), { code: role.code }, makeEvent(targetOf(other))), 'code_taken');
      assert.deepEqual(await roles().find(other.id), other);
      assert.equal(await roles().remove(at(role), makeEvent(targetOf(role))), 'ok');
      assert.equal(await roles().insert(rival, makeEvent(targetOf(rival))), 'ok');
    });

    it('removes with an event, for good', async () => {
      const { role, event } = await insert();
      const last = makeEvent(targetOf(role));
      assert.equal(await roles().remove(at(role), last), 'ok');
      assert.equal(await roles().find(role.id), null);
      assert.ok((await roles().list()).every(({ id }) => id !== role.id));
      await assertHistory(opened(), targetOf(role), [event, last]);
      const again = { ...role, version: role.version + 1 };
      assert.equal(await roles().remove(at(again), makeEvent(targetOf(role))), 'lost');
      assert.equal(await roles().patch(at(again), { name: 'x' }, makeEvent(targetOf(role))), 'lost');
    });

    it('loses on a version that has passed, is still to come, or of nobody', async () => {
      const { role, event } = await insert();
      for (const version of [0, 2]) {
        const late = { ...role, version };
        assert.equal(await roles().patch(at(late), { name: 'x' }, makeEvent(targetOf(role))), 'lost');
        assert.equal(await roles().remove(at(late), makeEvent(targetOf(role))), 'lost');
      }
      const nobody = makeRole();
      assert.equal(await roles().patch(at(nobody), { name: 'x' }, makeEvent(targetOf(nobody))), 'lost');
      assert.deepEqual(await roles().find(role.id), role);
      await assertHistory(opened(), targetOf(role), [event]);
    });

    it('does nothing when its event cannot be written', async () => {
      const { role, event } = await insert();
      const never = makeRole();
      await assert.rejects(roles().insert(never, makeUnwritableEvent(targetOf(never))));
      assert.equal(await roles().find(never.id), null);
      await assert.rejects(roles().patch(at(role), { name: 'x' }, makeUnwritableEvent(targetOf(role))));
      await assert.rejects(roles().remove(at(role), makeUnwritableEvent(targetOf(role))));
      assert.deepEqual(await roles().find(role.id), role);
      await assertHistory(opened(), targetOf(role), [event]);
    });

    itRaces('insert: one of 50 with one code', async () => {
      const { code } = makeRole();
      const enter = () => makeRole({ code });
      const result = await race(enter, (role) => roles().insert(role, makeEvent(targetOf(role))));
      const winner = theWinner(result, 'ok', 'code_taken');
      assert.deepEqual(
        (await roles().list()).filter((role) => role.code === code),
        [winner],
      );
    });

    itRaces('patch and remove: one of 50 on one version', async () => {
      const { role, event: began } = await insert();
      const enter = (caller: number) => ({ caller, event: makeEvent(targetOf(role)) });
      const result = await race(enter, ({ caller, event }) =>
        caller % 2 === 0 ? roles().remove(at(role), event) : roles().patch(at(role), { name: `${caller}` }, event),
      );
      const { caller, event } = theWinner(result, 'ok', 'lost');
      assert.equal((await roles().find(role.id))?.name, caller % 2 === 0 ? undefined : `${caller}`);
      await assertHistory(opened(), targetOf(role), [began, event]);
    });
  });
}
