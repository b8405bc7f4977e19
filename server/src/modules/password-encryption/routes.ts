import type { HttpServer } from '../../platform/http/routes.ts';
import type { EncryptionKeys } from '../keys/encryption-keys.ts';
import { ALGORITHM } from './jwe.ts';
import type { Nonces } from './nonces.ts';
import { publicKeysSchema } from './schemas.ts';

/** The route of the key and the nonce with which clients encrypt passwords. */
export function encryptionRoutes({ keys, nonces }: { keys: Pick<EncryptionKeys, 'current'>; nonces: Nonces }) {
  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/auth/keys/public',
      {
        config: { access: 'public' },
        schema: {
          operationId: 'getPasswordKey',
          summary: 'The public key to encrypt passwords with, and a nonce for one request',
          description: 'Nothing is stored.',
          tags: ['Keys'],
          response: { 200: publicKeysSchema },
        },
      },
      async () => {
        const { kid, publicJwk } = await keys.current();
        const { n = '', e = '' } = publicJwk;
        const key = { kty: 'RSA', n, e, kid, alg: ALGORITHM, use: 'enc' } as const;
        return { keys: [key], ...nonces.issue() };
      },
    );
  };
}
