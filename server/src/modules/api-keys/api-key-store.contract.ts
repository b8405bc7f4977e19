import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LATER, makeBareEvent, makeEvent, makeHash, makeId, NOW } from '../../../test/fixtures.ts';
import {
  assertHistory,
  describeStore,
  itRaces,
  type Open,
  onFresh,
  race,
  theWinner,
} from '../../../test/store-contract.ts';
import { after, DAY, MINUTE } from '../../platform/clock.ts';
import type { ApiKeyRecord, ApiKeyStore, LiveKeyFilter } from './api-key-store.ts';

const targetOf = ({ id }: Pick<ApiKeyRecord, 'id'>) => `api_key:${id}`;
const at = ({ id, version }: ApiKeyRecord) => ({ id, version, now: LATER });
const FIRST_PAGE = { before: null, skip: 0, limit: 99 };

/** A key in whose record nothing is empty but its end. */
function makeApiKey(fields: Partial<ApiKeyRecord> = {}): ApiKeyRecord {
  return {
    id: makeId(),
    kind: 'svc',
    subjectId: makeId(),
    organizationId: makeId(),
    name: 'Zürich “nightly” 李 😀',
    hash: makeHash(),
    previousHash: makeHash(),
    previousUntil: after(NOW, DAY),
    scopes: ['GET:/api/v1/admin/users/{id}', 'role:model_manager', '*:/api/v1/admin/*'],
    wide: true,
    networks: ['192.0.2.0/24', '2001:db8::/32'],
    rateLimit: { max: 1_000_000_000, windowSeconds: 2_592_000 },
    aal: 2,
    phishingResistant: true,
    grantEpoch: 7,
    createdBy: makeId(),
    expiresAt: after(NOW, 90 * DAY),
    remindAt: after(NOW, 76 * DAY),
    revokedAt: null,
    revokeReason: null,
    lastUsedAt: after(NOW, -MINUTE),
    lastUsedIp: '2001:db8:1234:5678:9abc:def0:1234:5678',
    lastUsedAgent: 'curl/8.5.0 “x” 😀',
    seenNetworks: ['192.0.2.0/24', '2001:db8:1234::/48'],
    networkToldAt: after(NOW, -DAY),
    refusalToldAt: after(NOW, -2 * DAY),
    createdAt: after(NOW, -DAY),
    updatedAt: NOW,
    version: 1,
    ...fields,
  };
}

/** One in whose record everything is empty that may be. */
const makeBareKey = (fields: Partial<ApiKeyRecord> = {}) =>
  makeApiKey({
    kind: 'pat',
    organizationId: null,
    previousHash: null,
    previousUntil: null,
    scopes: ['GET:/api/v1/admin/users'],
    wide: false,
    networks: [],
    rateLimit: null,
    aal: 1,
    phishingResistant: false,
    grantEpoch: 0,
    createdBy: null,
    remindAt: null,
    lastUsedAt: null,
    lastUsedIp: null,
    lastUsedAgent: null,
    seenNetworks: [],
    networkToldAt: null,
    refusalToldAt: null,
    ...fields,
  });

/** Every adapter of the key store keeps this. */
export function apiKeyStoreContract(open: Open): void {
  describeStore('ApiKeyStore', open, (opened) => {
    const keys = (): ApiKeyStore => opened().storage.apiKeys;

    async function insert(key = makeApiKey()) {
      const event = makeEvent(targetOf(key));
      await keys().insert(key, event);
      return { key, event };
    }

    it('gives back what was put in, empty fields too', async () => {
      for (const key of [makeApiKey(), makeBareKey()]) {
        const event = makeBareEvent(targetOf(key));
        await keys().insert(key, event);
        assert.deepEqual(await keys().find(key.id), key);
        await assertHistory(opened(), targetOf(key), [event]);
      }
      assert.equal(await keys().find(makeId()), null);
    });

    const NARROWED = {
      name: 'less',
      scopes: ['GET:/x'],
      wide: false,
      networks: ['198.51.100.7/32'],
      expiresAt: after(NOW, DAY),
      remindAt: null,
    };
    const rotated = (key: ApiKeyRecord) => ({
      hash: makeHash(),
      previousHash: key.hash,
      previousUntil: after(LATER, DAY),
      expiresAt: after(NOW, 100 * DAY),
      remindAt: after(NOW, 86 * DAY),
    });

    it('narrows, rotates and revokes, each with its event, and nothing after the end', async () => {
      const { key, event } = await insert();
      const events = [1, 2, 3, 4, 5, 6].map(() => makeEvent(targetOf(key)));
      const [one, two, three, four, five, six] = events;
      assert.ok(one && two && three && four && five && six);
      let now: ApiKeyRecord = key;
      const step = async (done: boolean, set: Partial<ApiKeyRecord>) => {
        assert.equal(done, true);
        now = { ...now, ...set, updatedAt: LATER, version: now.version + 1 };
        assert.deepEqual(await keys().find(key.id), now);
      };
      await step(await keys().narrow(at(now), NARROWED, one), NARROWED);
      const next = rotated(now);
      await step(await keys().rotate(at(now), next, two), next);
      const seen = { seenNetworks: ['203.0.113.0/24'], networkToldAt: LATER };
      await step(await keys().noteNetwork(at(now), seen, three), seen);
      await step(await keys().noteRefusal(at(now), NOW, four), { refusalToldAt: NOW });
      await step(await keys().remind(at(now), after(NOW, DAY), five), { remindAt: after(NOW, DAY) });
      await step(await keys().revoke(at(now), 'reported', six), {
        revokedAt: LATER,
        revokeReason: 'reported',
        previousHash: null,
        remindAt: null,
      });
      for (const done of [
        keys().narrow(at(now), NARROWED, makeEvent(targetOf(key))),
        keys().rotate(at(now), rotated(now), makeEvent(targetOf(key))),
        keys().revoke(at(now), 'again', makeEvent(targetOf(key))),
        keys().remind(at(now), null, makeEvent(targetOf(key))),
      ]) {
        assert.equal(await done, false);
      }
      assert.deepEqual(await keys().find(key.id), now);
      await assertHistory(opened(), targetOf(key), [event, ...events]);
    });

    it('what was decided on an earlier version changes nothing', async () => {
      const { key, event } = await insert();
      const old = at({ ...key, version: 7 });
      const draft = () => makeEvent(targetOf(key));
      for (const done of [
        keys().narrow(old, NARROWED, draft()),
        keys().rotate(old, rotated(key), draft()),
        keys().revoke(old, 'x', draft()),
        keys().noteNetwork(old, { seenNetworks: [], networkToldAt: null }, draft()),
        keys().noteRefusal(old, NOW, draft()),
        keys().remind(old, null, draft()),
      ]) {
        assert.equal(await done, false);
      }
      assert.deepEqual(await keys().find(key.id), key);
      await assertHistory(opened(), targetOf(key), [event]);
    });

    it('notes a use once within a time, without an event', async () => {
      for (const key of [makeBareKey(), makeApiKey()]) {
        const { event } = await insert(key);
        const use = { at: LATER, ip: '192.0.2.1', agent: 'x' };
        assert.equal(await keys().noteUse(key.id, use, NOW), true);
        assert.equal(await keys().noteUse(key.id, { ...use, agent: 'y' }, NOW), false);
        const used = { lastUsedAt: LATER, lastUsedIp: '192.0.2.1', lastUsedAgent: 'x' };
        assert.deepEqual(await keys().find(key.id), { ...key, ...used });
        await assertHistory(opened(), targetOf(key), [event]);
      }
      assert.equal(await keys().noteUse(makeId(), { at: LATER, ip: '', agent: '' }, NOW), false);
    });

    it('lists those of a subject, expired ones too, not revoked ones', async () => {
      const subjectId = makeId();
      const { key: first } = await insert(makeApiKey({ subjectId, expiresAt: after(NOW, -DAY) }));
      const { key: second } = await insert(makeBareKey({ subjectId }));
      await insert(makeApiKey({ subjectId, revokedAt: NOW, revokeReason: 'x' }));
      await insert();
      assert.deepEqual(await keys().listOf(subjectId, 9), [second, first]);
      assert.deepEqual(await keys().listOf(subjectId, 1), [second]);
    });

    it('lists and counts what is live, by every filter', () =>
      onFresh(open, async ({ storage }) => {
        const subjectId = makeId();
        const made = {
          expired: makeApiKey({ expiresAt: NOW }),
          revoked: makeApiKey({ revokedAt: NOW, revokeReason: 'x' }),
          fresh: makeBareKey({ createdAt: NOW, expiresAt: after(NOW, 1), subjectId }),
          never: makeBareKey({ createdAt: after(NOW, -9 * DAY) }),
          lately: makeApiKey({ createdAt: after(NOW, -9 * DAY) }),
          long: makeApiKey({ createdAt: after(NOW, -9 * DAY), lastUsedAt: after(NOW, -8 * DAY), wide: false }),
        };
        for (const key of Object.values(made)) await storage.apiKeys.insert(key, makeEvent(targetOf(key)));
        const names = async (filter: Omit<LiveKeyFilter, 'now'>, page = FIRST_PAGE as { before: string | null }) => {
          const found = await storage.apiKeys.list({ now: NOW, ...filter }, { ...FIRST_PAGE, ...page });
          const all = found.map(({ id }) => Object.entries(made).find(([, key]) => key.id === id)?.[0]);
          if (page === FIRST_PAGE) assert.equal(await storage.apiKeys.count({ now: NOW, ...filter }, 99), all.length);
          return all.join();
        };
        assert.equal(await names({}), 'long,lately,never,fresh');
        assert.equal(await names({}, { before: made.lately.id }), 'never,fresh');
        assert.equal(await names({ unusedSince: after(NOW, -7 * DAY) }), 'long,never');
        assert.equal(await names({ expiresBefore: after(NOW, 2) }), 'fresh');
        assert.equal(await names({ wide: true }), 'lately');
        assert.equal(await names({ wide: false, unusedSince: after(NOW, -7 * DAY) }), 'long,never');
        assert.equal(await names({ subjectId }), 'fresh');
        assert.equal(await storage.apiKeys.count({ now: NOW }, 2), 2);
      }));

    it('finds whose owners are to be told, the earliest first', () =>
      onFresh(open, async ({ storage }) => {
        const [late, early, ...others] = [
          makeApiKey({ remindAt: NOW }),
          makeApiKey({ remindAt: after(NOW, -1) }),
          makeApiKey({ remindAt: after(NOW, 1) }),
          makeApiKey({ remindAt: null }),
          makeApiKey({ remindAt: NOW, revokedAt: NOW, revokeReason: 'x' }),
        ] as const;
        for (const key of [late, early, ...others]) await storage.apiKeys.insert(key, makeEvent(targetOf(key)));
        assert.deepEqual(await storage.apiKeys.dueReminders(NOW, 9), [early, late]);
        assert.deepEqual(await storage.apiKeys.dueReminders(NOW, 1), [early]);
      }));

    it('purges what expired long ago, and removes those of a subject; their history stays', () =>
      onFresh(open, async ({ storage }) => {
        const subjectId = makeId();
        const [old, older, present] = [
          makeApiKey({ subjectId, expiresAt: after(NOW, -1) }),
          makeApiKey({ expiresAt: after(NOW, -2), revokedAt: NOW, revokeReason: 'x' }),
          makeApiKey({ subjectId, expiresAt: NOW }),
        ] as const;
        const event = makeEvent(targetOf(present));
        for (const key of [old, older]) await storage.apiKeys.insert(key, makeEvent(targetOf(key)));
        await storage.apiKeys.insert(present, event);
        assert.equal(await storage.apiKeys.purge(NOW, 1), 1);
        assert.equal(await storage.apiKeys.purge(NOW, 9), 1);
        assert.equal(await storage.apiKeys.purge(NOW, 9), 0);
        assert.deepEqual(await storage.apiKeys.find(present.id), present);
        await storage.apiKeys.removeForSubject(subjectId);
        await storage.apiKeys.removeForSubject(subjectId);
        assert.equal(await storage.apiKeys.find(present.id), null);
        assert.equal((await storage.events.listForTarget(targetOf(present))).length, 1);
      }));

    itRaces('of 50 who rotate a key one does', async () => {
      const { key, event } = await insert();
      const winner = theWinner(
        await race(
          () => ({ next: rotated(key), draft: makeEvent(targetOf(key)) }),
          ({ next, draft }) => keys().rotate(at(key), next, draft),
        ),
        true,
        false,
      );
      assert.equal((await keys().find(key.id))?.hash, winner.next.hash);
      await assertHistory(opened(), targetOf(key), [event, winner.draft]);
    });

    itRaces('of 50 who rotate or revoke a key one does', async (round) => {
      const { key, event } = await insert();
      const winner = theWinner(
        await race(
          (caller) => ({ ends: (caller + round) % 2 === 0, draft: makeEvent(targetOf(key)) }),
          ({ ends, draft }) =>
            ends ? keys().revoke(at(key), 'x', draft) : keys().rotate(at(key), rotated(key), draft),
        ),
        true,
        false,
      );
      assert.equal((await keys().find(key.id))?.revokedAt !== null, winner.ends);
      await assertHistory(opened(), targetOf(key), [event, winner.draft]);
    });

    itRaces('of 50 who note a use one does', async () => {
      const { key } = await insert(makeBareKey());
      theWinner(
        await race(
          (caller) => ({ at: LATER, ip: `192.0.2.${caller}`, agent: 'x' }),
          (use) => keys().noteUse(key.id, use, NOW),
        ),
        true,
        false,
      );
    });
  });
}
