import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOSTILE_TEXTS } from '../../../test/awkward-values.ts';
import { endOfPrefix, searchTerms, userTerms } from './search-terms.ts';

const nobody = { emailNorm: null, username: null, fullName: null };
const bytes = (text: string) => Buffer.from(text);

describe("a user's terms", () => {
  it('are the address, its domain, the username and the words of the name', () => {
    const terms = userTerms({
      emailNorm: 'amelie@example.org',
      username: 'Königin_42',
      fullName: 'Zoë  Ångström Dvořák',
    });
    assert.deepEqual(terms, ['amelie@example.org', '@example.org', 'konigin_42', 'zoe', 'angstrom', 'dvorak']);
  });

  it('are none where there is no name', () => {
    assert.deepEqual(userTerms(nobody), []);
    assert.deepEqual(userTerms({ ...nobody, fullName: ' … ?! ' }), []);
  });

  it('leave out what begins another', () => {
    const terms = userTerms({ emailNorm: 'anna.berg@example.org', username: 'Anna', fullName: 'Anna Berg Bergmann' });
    assert.deepEqual(terms, ['anna.berg@example.org', '@example.org', 'bergmann']);
  });

  it('hold joined words and their parts, without what is around them', () => {
    const terms = userTerms({ ...nobody, fullName: '(Jean-Luc) "O’Neill", J.R.' });
    assert.deepEqual(terms, ['jean-luc', 'luc', 'o’neill', 'neill', 'j.r', 'r']);
  });

  it('are at most eight words of 64 characters', () => {
    const long = '😀a'.repeat(100);
    assert.equal(userTerms({ ...nobody, fullName: 'a b c d e f g h i j' }).length, 8);
    assert.deepEqual(userTerms({ ...nobody, fullName: `x${'𐐨'.repeat(100)}` }), [`x${'𐐨'.repeat(63)}`]);
    for (const term of userTerms({ ...nobody, username: long.repeat(3) })) assert.equal(Array.from(term).length, 320);
  });

  it('are found by every beginning of what they came from', () => {
    for (const name of ['İstanbul', 'ΟΔΟΣ', 'ΟΔΟΣΑ', 'Straße', 'ﬁnch', '李小龍', '한국어', 'ＷＩＤＥ', '𝒮cript']) {
      const terms = userTerms({ ...nobody, username: name });
      const characters = Array.from(name);
      for (let length = 1; length <= characters.length; length++) {
        const [searched = ''] = searchTerms(characters.slice(0, length).join(''));
        assert.ok(
          terms.some((term) => term.startsWith(searched)),
          `${searched} begins one of ${terms}`,
        );
      }
    }
  });
});

describe('the terms of a search', () => {
  it('are its words, folded; each once, at most five', () => {
    assert.deepEqual(searchTerms(' Zoë\t ÅNG\u00a0zoe '), ['zoe', 'ang']);
    assert.deepEqual(searchTerms('a b c d e f'), ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(searchTerms(''), []);
    assert.deepEqual(searchTerms(' \u0301 \u0000\n'), []);
  });

  it('hold an address or domain in its canonical form', () => {
    assert.deepEqual(searchTerms('ＭＩＫＥ@Bücher.example'), ['mike@xn--bcher-kva.example']);
    assert.deepEqual(searchTerms('@Bücher.example'), ['@xn--bcher-kva.example']);
    assert.deepEqual(searchTerms('mike@büch'), ['mike@buch']);
    assert.deepEqual(searchTerms('mike@example.co'), ['mike@example.co']);
  });

  it('are well-formed text without control characters, whatever comes in', () => {
    for (const text of [...HOSTILE_TEXTS, '\ud800', 'a\udfffb', 'a\u0000b']) {
      for (const term of searchTerms(text)) {
        assert.ok(term.isWellFormed() && !/[\p{Cc}\s]/u.test(term), JSON.stringify(term));
      }
    }
  });
});

describe('endOfPrefix', () => {
  it('comes after all that begins so, and before all that comes later', () => {
    for (const [prefix, end] of [
      ['a', 'b'],
      ['ab%', 'ab&'],
      ['\ud7ff', '\ue000'],
      ['\uffff', '\u{10000}'],
      ['😀', '😁'],
      ['a\u{10ffff}', 'b'],
    ] as const) {
      assert.equal(endOfPrefix(prefix), end);
      assert.ok(bytes(`${prefix}\u{10ffff}\u{10ffff}`).compare(bytes(end)) < 0);
    }
  });

  it('is null where nothing comes after', () => {
    assert.equal(endOfPrefix('\u{10ffff}'), null);
    assert.equal(endOfPrefix(''), null);
  });
});
