import { InvalidValue } from './config-error.ts';

const QUOTED = /^(?:(["'`]).*\1|[“”„«].*[“”»]|[‘’‚].*[‘’])$/s;
const PLACEHOLDER = /\$\{[A-Za-z_]\w*(?::?[-?+=][^}]*)?\}|\$\([A-Za-z_]\w*\)/;
const COMMENT = /\s#(?:\s|$)/;

/**
 * Throws `InvalidValue` for what another reader would have removed or replaced: `docker run --env-file`, Kubernetes and most panels pass quotes,
 * comments and `${NAME}` on as they are, while a shell, Compose and `.env` do not. A key in quotes would be another key on the next host.
 * `SECRET_KEY_PREVIOUS` may have them, since such a key may be in use.
 */
export function refuseLeftovers(name: string, text: string): void {
  if (name === 'SECRET_KEY_PREVIOUS') return;
  const inUse =
    name === 'SECRET_KEY'
      ? ' If this key is in use as it is, set it as SECRET_KEY_PREVIOUS, unchanged, beside the correct one.'
      : '';
  if (QUOTED.test(text)) {
    throw new InvalidValue(
      'has quotes around it, which belong to the value here (docker --env-file keeps them)',
      `Remove the quotes.${inUse}`,
    );
  }
  if (PLACEHOLDER.test(text)) {
    throw new InvalidValue(`has \${NAME} or $(NAME) in it, which nothing replaces`, `Write the value itself.${inUse}`);
  }
  if (name !== 'SECRET_KEY' && COMMENT.test(text)) {
    throw new InvalidValue(
      'has a comment after it, which belongs to the value here',
      'Remove the # and what follows it.',
    );
  }
}
