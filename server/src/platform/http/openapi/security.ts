import { machinesMayCall } from '../catalogue.ts';
import type { DocumentedRoute, Json } from './document.ts';

/** How callers may say who they are. `tokenUrl`: of the OAuth2 form for Swagger UI, where there is one. */
export function securitySchemes(tokenUrl: string | null): Json {
  return {
    bearer: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: 'The `accessToken` of a sign-in (RFC 6750).',
    },
    apiKey: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'ost_…',
      description:
        'An API key, of a person or a service account. It opens what its scopes name, and never more than their roles.',
    },
    refreshCookie: {
      type: 'apiKey',
      in: 'cookie',
      name: '__Host-ostiary',
      description:
        'The refresh token, as browsers keep it; `ostiary` by name where `PUBLIC_URL` is plain HTTP, and with a suffix where it has a port or a path. Wants a page of the same origin.',
    },
    ...(tokenUrl !== null && {
      password: {
        type: 'oauth2',
        description: 'For trying things out here; in development only.',
        flows: { password: { tokenUrl, scopes: {} } },
      },
    }),
  };
}

/** The requirements of a route, each in place of the others: what it declares itself, or what follows from who may call. */
export function securityOf({ config, schema }: DocumentedRoute, hasTokenForm: boolean): unknown {
  const { access } = config;
  if (schema.security !== undefined) return schema.security;
  if (access === 'public') return [];
  const keys = machinesMayCall(config) ? [{ apiKey: [] }] : [];
  const signedIn = [{ bearer: [] }, ...keys, ...(hasTokenForm ? [{ password: [] }] : [])];
  return access === 'optional' ? [{}, ...signedIn] : signedIn;
}
