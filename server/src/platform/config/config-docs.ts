import { defaultText, variableEntries } from './variables.ts';

const START = '<!-- config:start -->';
const END = '<!-- config:end -->';

/** The table of all variables in Markdown, for the README and the docs. */
export function configTableMarkdown(): string {
  const rows = variableEntries().map(([name, entry]) => {
    const file = entry.secret ? ` Secret: also \`${name}_FILE\`.` : entry.long ? ` Also \`${name}_FILE\`.` : '';
    const about = `${entry.about}${file}`;
    return `| \`${name}\` | ${defaultCell(entry)} | ${about.replaceAll('|', '\\|')} |`;
  });
  return ['| Variable | Default | Meaning |', '|---|---|---|', ...rows].join('\n');
}

function defaultCell(entry: Parameters<typeof defaultText>[0]): string {
  const elsewhere = defaultText(entry, false);
  const production = defaultText(entry, true);
  const shown = elsewhere === null ? '–' : `\`${elsewhere}\``;
  if (entry.neededInProduction !== undefined) {
    return elsewhere === null ? '**needed in production**' : `${shown}; **needed in production**`;
  }
  return production === elsewhere ? shown : `${shown}; production: \`${production}\``;
}

/** `text` with the table between its two markers renewed; unchanged where it has none. */
export function withConfigTable(text: string): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start) return text;
  return `${text.slice(0, start)}${START}\n${configTableMarkdown()}\n${text.slice(end)}`;
}

/** The whole `.env.example`: every variable with its default or an example, switched off. */
export function envExample(): string {
  const head = [
    '# Copy this file to .env and remove the # before what you want to change.',
    '# The environment wins over .env. Quote a value that holds blanks or a #.',
    '# Secrets may come from a file instead: SECRET_KEY_FILE=/run/secrets/key.',
  ];
  const blocks = variableEntries().map(([name, entry]) => {
    const note = entry.neededInProduction === undefined ? [] : ['# Needed in production.'];
    const value = entry.example ?? filled(defaultText(entry, false) ?? '');
    return [`# ${entry.about.replaceAll('`', '')}`, ...note, `#${name}=${/[\s#]/.test(value) ? `"${value}"` : value}`];
  });
  return `${[head, ...blocks].map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** A default with the other defaults in the places of their names. */
function filled(text: string): string {
  const defaults = new Map(variableEntries().map(([name, entry]) => [name as string, defaultText(entry, false)]));
  return text.replace(/\{([^}]+)\}/g, (whole, name: string) => defaults.get(name) ?? whole);
}
