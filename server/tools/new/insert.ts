/** A line that has to stand in a list of an existing file. */
export interface Insertion {
  /** From the root of the repository. */
  file: string;
  line: string;
  /** It goes before the first line that begins so, after the line that begins with `within`, if that is given. */
  before: string;
  within?: string;
}

/** The file with the line in its place. Throws an `Error` that says what to add by hand if the place cannot be found. */
export function inserted(source: string, { file, line, before, within }: Insertion): string {
  const lines = source.split('\n');
  if (lines.includes(line)) return source;
  const start = within === undefined ? 0 : lines.findIndex((each) => each.startsWith(within)) + 1;
  const place = lines.findIndex((each, index) => index >= start && each.startsWith(before));
  if (place < 0 || (within !== undefined && start === 0)) throw new Error(`Add this line to ${file} by hand:\n${line}`);
  lines.splice(place, 0, line);
  return lines.join('\n');
}
