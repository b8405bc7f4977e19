import { test } from 'node:test';
import { pascal } from '../tools/new/names.ts';
import { checkModule, withCheckout } from './generated.ts';

/** Names that code, SQL or English use for something else, with odd plurals, digits, many words and vowels in front. */
const HOSTILE = ['order', 'index', 'my-s3-upload', 'x', 'kind-of-odd-thing', 'address', 'note'];

for (const name of HOSTILE) {
  test(`npm run new module ${name}`, () =>
    withCheckout(async (checkout) => {
      const said = await checkout.run('npm', 'run', '--silent', 'new', 'module', name);
      const [, folder = ''] = /server\/src\/modules\/([^/]+)\/index\.ts/.exec(said) ?? [];
      await checkModule(checkout, { folder, contract: `${pascal(name)}Store`, all: true });
    }));
}
