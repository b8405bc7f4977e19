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
    assert.deepEqual(terms, ['amelie@example.org', '@example.org', 'konigin_42', '42', 'zoe', 'angstrom', 'dvorak']);
  });

  it('are none where there is no name', () => {
    assert.deepEqual(userTerms(nobody), []);
    assert.deepEqual(userTerms({ ...nobody, username: '', fullName: ' \u200b ' }), []);
  });

  it('leave out what begins another', () => {
    const terms = userTerms({ emailNorm: 'anna.berg@example.org', username: 'Anna', fullName: 'Anna Berg Bergmann' });
    assert.deepEqual(terms, ['anna.berg@example.org', '@example.org', 'bergmann']);
  });

  it('hold joined words and their parts, without what is around them', () => {
    const terms = userTerms({ ...nobody, fullName: '(Jean-Luc) "O’Neill", J.R.' });
    assert.deepEqual(terms, ['jean-luc', "o'neill", 'j.r', 'luc', 'neill', 'r']);
  });

  it('are at most 16 words of 64 characters, their parts, and 32 rests', () => {
    const letters = Array.from('abcdefghijklmnopqrst');
    assert.deepEqual(userTerms({ ...nobody, fullName: letters.join(' ') }), letters.slice(0, 16));
    const joined = userTerms({ ...nobody, fullName: letters.map((letter) => `${letter}-${letter}x`).join(' ') });
    assert.ok(letters.slice(0, 16).every((letter) => joined.includes(`${letter}-${letter}x`)));
    assert.equal(joined.length, 32);
    assert.deepEqual(userTerms({ ...nobody, fullName: `x${'𐐨'.repeat(100)}` }), [`x${'𐐨'.repeat(63)}`]);
    const han = Array.from({ length: 60 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join('');
    assert.equal(userTerms({ ...nobody, fullName: han }).length, 33);
  });

  it('begin at each character in scripts that are written without blanks', () => {
    assert.deepEqual(userTerms({ ...nobody, fullName: '王小明' }), ['王小明', '小明', '明']);
    for (const [name, part] of [
      ['김철수', '철수'],
      ['山田太郎', '太郎'],
      ['カタカナ', 'カナ'],
      ['Ann王小明', '小明'],
    ] as const) {
      const [searched = ''] = searchTerms(part);
      assert.ok(
        userTerms({ ...nobody, fullName: name }).some((term) => term.startsWith(searched)),
        name,
      );
    }
  });

  it('hold the parts of an address before its domain, and of a username', () => {
    const terms = userTerms({ ...nobody, emailNorm: 'john.smith+work@example.com', username: 'j_r-hartley' });
    for (const part of ['smith', 'work', 'hartley', '@example.com']) assert.ok(terms.includes(part), part);
    assert.ok(!terms.some((term) => term.startsWith('example')));
  });

  it('of what a list shows, pasted, find it', () => {
    for (const name of [
      ...[
        'Smith, John',
        'J. R. Hartley',
        'Ann 🙂 Lee',
        'O’Neill',
        'O´Neill',
        'Jean–Luc',
        '@bob',
        '🦊',
        '…',
        'R&D/Ops',
        'Ann (Sales)',
      ],
      ...[
        'Łukasz Yılmaz',
        'Weiß',
        'ÆGIR Þór',
        'Nguyễn Văn Đức',
        'İpek',
        'ΟΔΥΣΣΕΥΣ',
        'a\u200bnn',
        'd’Arc-en-Ciel d’Or a-b-c e-f-g',
      ],
      ...[
        'José María de la Santísima Trinidad y Todos los Santos García López',
        `x${'y'.repeat(99)}`,
        'ann@home',
        'A;B|C',
      ],
    ]) {
      const terms = userTerms({ ...nobody, fullName: name });
      for (const searched of [...searchTerms(name), ...searchTerms(`“${name}”,`)]) {
        assert.ok(
          terms.some((term) => term.startsWith(searched)),
          `${searched} begins one of ${terms}`,
        );
      }
      assert.ok(searchTerms(name).length > 0, name);
    }
  });

  it('fold letters that do not decompose, apostrophes and hyphens, and drop what is invisible', () => {
    for (const [stored, typed] of [
      ['Łukasz', 'lukasz'],
      ['Yılmaz', 'yilmaz'],
      ['YILMAZ', 'yılmaz'],
      ['Weiß', 'weiss'],
      ['Weiss', 'weiß'],
      ['Øystein Bjørnson', 'bjornson'],
      ['Đorđe', 'dorde'],
      ['Œuvre', 'oeuvre'],
      ['Þórður', 'thordur'],
      ['Əliyev', 'eliyev'],
      ['O’Neill', "o'neill"],
      ["O'Neill", 'o‘neill'],
      ['Jean‑Luc', 'jean-luc'],
      ['Jean-Luc', 'jean—luc'],
      ['Schmidt\u00adhuber', 'schmidthuber'],
      ['علی', 'علي'],
    ] as const) {
      const terms = userTerms({ ...nobody, fullName: stored });
      for (const searched of searchTerms(typed)) {
        assert.ok(
          terms.some((term) => term.startsWith(searched)),
          `${searched} begins one of ${terms}`,
        );
      }
    }
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

  it('hold addresses out of their wrapping, and words without signs', () => {
    for (const [query, terms] of [
      ['a@b.c,', ['a@b.c']],
      ['"Ann Lee" <ann@example.com>;', ['ann@example.com', 'ann', 'lee']],
      ['mailto:Ann@Example.com', ['ann@example.com']],
      ["'ann@example.com'.", ['ann@example.com']],
      ['（ann＠example.com）', ['ann@example.com']],
      ['ann@example.com,bob@example.com', ['ann@example.com', 'bob@example.com']],
      ['(@example.com)', ['@example.com']],
      ['\u202aann@example.com\u202c', ['ann@example.com']],
      ['_x@exa', ['_x@exa']],
      ['Smith, John', ['smith', 'john']],
      ['🙂', ['🙂']],
    ] as const) {
      assert.deepEqual(searchTerms(query), terms, query);
    }
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
