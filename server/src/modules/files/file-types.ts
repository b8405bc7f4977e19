/** What browsers show or play, and never run. */
const INERT = /^(?:image\/(?:png|jpeg|gif|webp|avif)|audio\/[\w.+-]+|video\/[\w.+-]+|application\/pdf|text\/plain)$/;

/** Types whose files begin in a known way: by offset and bytes, one of each list. */
const BEGINNINGS: Record<string, readonly { at: number; bytes: readonly string[] }[]> = {
  'image/png': [{ at: 0, bytes: ['\x89PNG\r\n\x1a\n'] }],
  'image/jpeg': [{ at: 0, bytes: ['\xff\xd8\xff'] }],
  'image/gif': [{ at: 0, bytes: ['GIF87a', 'GIF89a'] }],
  'image/webp': [
    { at: 0, bytes: ['RIFF'] },
    { at: 8, bytes: ['WEBP'] },
  ],
  'image/avif': [{ at: 4, bytes: ['ftypavif', 'ftypavis', 'ftypmif1', 'ftypmiaf'] }],
  'application/pdf': [{ at: 0, bytes: ['%PDF-'] }],
  'application/zip': [{ at: 0, bytes: ['PK\x03\x04', 'PK\x05\x06'] }],
  'application/gzip': [{ at: 0, bytes: ['\x1f\x8b'] }],
  'video/mp4': [{ at: 4, bytes: ['ftyp'] }],
  'video/webm': [{ at: 0, bytes: ['\x1a\x45\xdf\xa3'] }],
  'audio/ogg': [{ at: 0, bytes: ['OggS'] }],
  'audio/wav': [{ at: 0, bytes: ['RIFF'] }],
};

/** Bytes that `beginsAs` looks at. */
export const BEGINNING = 16;

const essence = (contentType: string): string => (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();

/** Whether a file may be of this type by its first bytes; true for types that begin in any way. */
export function beginsAs(contentType: string, beginning: Uint8Array): boolean {
  const text = Buffer.from(beginning).toString('latin1');
  const signs = BEGINNINGS[essence(contentType)] ?? [];
  return signs.every(({ at, bytes }) => bytes.some((expected) => text.startsWith(expected, at)));
}

/** The type that a download is sent with: what could run somewhere (HTML, SVG, XML, scripts, anything unknown) is only bytes. */
export function servedType(contentType: string): string {
  return INERT.test(essence(contentType)) ? contentType : 'application/octet-stream';
}
