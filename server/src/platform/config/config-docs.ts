import { STORE_URL } from './store-urls.ts';
import { defaultText, variableEntries } from './variables.ts';

const START = '<!-- config:start -->';
const END = '<!-- config:end -->';

const STORE_URL_ROW = `| \`${STORE_URL.name}\` | – | ${STORE_URL.about} Secret: also \`STORES_<NAME>_URL_FILE\`. |`;

/** The Markdown table of all variables, for the README and the docs. */
export function configTableMarkdown(): string {
  const rows = variableEntries().flatMap(([name, entry]) => {
    const file = entry.secret ? ` Secret: also \`${name}_FILE\`.` : entry.long ? ` Also \`${name}_FILE\`.` : '';
    const about = `${entry.about}${file}`;
    const row = `| \`${name}\` | ${defaultCell(entry)} | ${about.replaceAll('|', '\\|')} |`;
    return name === 'DATABASE_REPLICA_URLS' ? [row, STORE_URL_ROW] : [row];
  });
  return ['| Variable | Default | Meaning |', '|---|---|---|', ...rows].join('\n');
}

function defaultCell(entry: Parameters<typeof defaultText>[0]): string {
  const elsewhere = defaultText(entry, false);
  const production = defaultText(entry, true);
  const shown = elsewhere === null ? '–' : `\`${elsewhere}\``;
  if (entry.neededInProduction !== undefined) {
    return elsewhere === null ? '**required in production**' : `${shown}; **required in production**`;
  }
  return production === elsewhere ? shown : `${shown}; production: \`${production}\``;
}

/** Replaces the table between the two markers in `text`; returns `text` unchanged where there are none. */
export function withConfigTable(text: string): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start) return text;
  return `${text.slice(0, start)}${START}\n${configTableMarkdown()}\n${text.slice(end)}`;
}

/** The content of `.env.example`: every variable, commented out, with its default or an example. */
export function envExample(): string {
  const head = [
    '# Copy this file to .env and remove the # before each variable that you want to change.',
    '# The environment takes precedence over .env. Quote a value that contains a space or a #.',
    '# Secrets may come from a file instead: SECRET_KEY_FILE=/run/secrets/key.',
  ];
  const blocks = variableEntries().map(([name, entry]) => {
    const note = entry.neededInProduction === undefined ? [] : ['# Required in production.'];
    const value = entry.example ?? filled(defaultText(entry, false) ?? '');
    return [`# ${entry.about.replaceAll('`', '')}`, ...note, `#${name}=${/[\s#]/.test(value) ? `"${value}"` : value}`];
  });
  return `${[head, ...blocks].map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** Replaces each `{NAME}` in a default with the default of that variable. */
function filled(text: string): string {
  const defaults = new Map(variableEntries().map(([name, entry]) => [name as string, defaultText(entry, false)]));
  return text.replace(/\{([^}]+)\}/g, (whole, name: string) => defaults.get(name) ?? whole);
}
