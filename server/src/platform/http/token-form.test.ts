import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthenticate } from './credential-kind.ts';
import { demandDisjoint, type TokenForm } from './token-form.ts';

const prefixed = (name: string, prefix: string, sample = `${prefix}1`): TokenForm => ({
  name,
  matches: (token) => token.startsWith(prefix),
  sample,
});
const [key, client] = [prefixed('API key', 'ost_pat_'), prefixed('client token', 'ost_cs_')];

test('forms that share no token may stand beside each other', () => {
  assert.doesNotThrow(() => demandDisjoint([key, client]));
  assert.doesNotThrow(() => demandDisjoint([]));
});

test('a form that takes the tokens of another is refused, in either order', () => {
  const greedy = prefixed('anything of ours', 'ost_', 'ost_other');
  const refusal = /A token of the form "API key" also has the form "anything of ours"\./;
  for (const forms of [
    [key, greedy],
    [greedy, key],
    [client, key, greedy],
  ]) {
    assert.throws(() => demandDisjoint(forms), TypeError);
  }
  assert.throws(() => demandDisjoint([key, greedy]), refusal);
  assert.throws(() => demandDisjoint([key, { ...key, name: 'API key again' }]), TypeError);
});

test('a sample that lacks its own form shows nothing, and is refused', () => {
  const refusal = /The sample of the form "API key" does not have this form\./;
  assert.throws(() => demandDisjoint([prefixed('API key', 'ost_pat_', 'pat_1')]), refusal);
});

test('credentials of which one form takes the other stop the start, also for a token that is none', () => {
  const kindOf = (kind: 'key' | 'client', form: TokenForm) => ({
    kinds: [kind] as const,
    form,
    actorOf: () => null,
    stillCounts: async () => false,
  });
  const isBlind = () => false;
  const kinds = [kindOf('key', key), kindOf('client', client)];
  assert.doesNotThrow(() => createAuthenticate({ kinds, otherForms: [], isBlind }));
  assert.throws(
    () => createAuthenticate({ kinds: [...kinds, kindOf('client', key)], otherForms: [], isBlind }),
    TypeError,
  );
  assert.throws(
    () => createAuthenticate({ kinds, otherForms: [prefixed('flow token', 'ost_cs')], isBlind }),
    TypeError,
  );
});
