import type { HttpServer } from '../../platform/http/routes.ts';
import type { EncryptionKeys } from '../keys/encryption-keys.ts';
import { ALGORITHM } from './jwe.ts';
import type { Nonces } from './nonces.ts';
import { publicKeysSchema } from './schemas.ts';

/** What a client encrypts passwords with. */
export function encryptionRoutes({ keys, nonces }: { keys: Pick<EncryptionKeys, 'current'>; nonces: Nonces }) {
  return async (app: HttpServer): Promise<void> => {
    app.get(
      '/auth/keys/public',
      {
        config: { access: 'public' },
        schema: {
          operationId: 'getPasswordKey',
          summary: 'The key that passwords can be encrypted with, and a nonce for one request',
          description: 'Writes nothing, however often it is asked.',
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
