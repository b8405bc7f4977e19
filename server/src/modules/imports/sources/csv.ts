/** Characters of a record; more mean an unclosed quote, which would swallow the rest of the file. */
const RECORD_LIMIT = 1_000_000;

export interface CsvRecord {
  /** Where it begins, from 1. */
  line: number;
  cells: string[];
}

/**
 * The records of CSV (RFC 4180): quoted cells may hold separators, line breaks and doubled quotes. Empty lines are left out. Yields a `fault`
 * instead of cells where a quote is not closed.
 */
export async function* csvRecords(
  chunks: AsyncIterable<string>,
  separator: string,
): AsyncGenerator<CsvRecord | { line: number; fault: string }> {
  let cells: string[] = [];
  let cell = '';
  let length = 0;
  let isQuoted = false;
  let afterQuote = false;
  let line = 1;
  let begun = 1;

  const end = () => {
    const record = { line: begun, cells: [...cells, cell] };
    cells = [];
    cell = '';
    length = 0;
    begun = line;
    return record;
  };

  for await (const chunk of chunks) {
    for (let i = 0; i < chunk.length; i++) {
      const sign = chunk[i] ?? '';
      length += 1;
      if (sign === '\n') line += 1;
      if (isQuoted) {
        if (sign === '"') [isQuoted, afterQuote] = [false, true];
        else cell += sign;
        if (length > RECORD_LIMIT) {
          yield { line: begun, fault: 'a quote is not closed' };
          return;
        }
      } else if (sign === '"' && (cell === '' || afterQuote)) {
        // A doubled quote is one of the text.
        if (afterQuote) cell += '"';
        isQuoted = true;
        afterQuote = false;
      } else {
        afterQuote = false;
        if (sign === separator) {
          cells.push(cell);
          cell = '';
        } else if (sign === '\n') {
          const record = end();
          if (record.cells.length > 1 || record.cells[0] !== '') yield record;
        } else if (sign !== '\r') cell += sign;
      }
    }
  }
  if (isQuoted) yield { line: begun, fault: 'a quote is not closed' };
  else if (cell !== '' || cells.length > 0) yield end();
}
