import { createBoundedQueue } from '../../platform/crypto/bounded-queue.ts';
import { platformErrors } from '../../platform/errors.ts';
import { fileErrors } from './errors.ts';
import { AVATAR_SIZES } from './names.ts';

/** A decompression bomb is a small file of very many pixels. */
const MOST_PIXELS = 40_000_000;
/** The only decoders that are used: those of SVG, PDF, TIFF and others read more than pictures, and have had more holes. */
const DECODERS = ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif'];
const SECOND = 1000;

const overloaded = () => platformErrors.overloaded({ headers: { 'retry-after': '2' } });

export interface AvatarImage {
  /** Pixels of a side. */
  size: number;
  /** WebP. */
  bytes: Buffer;
}

/**
 * Makes square pictures of what somebody sent, one after the other: decoded by its content, whatever its name and type say, turned as the
 * camera was held, cut to its middle, and encoded anew, so that nothing of the file is left: neither metadata (places!) nor anything behind the
 * picture. Of an animation the first picture stays. Throws `avatar_invalid`, and `overloaded` while too many wait.
 */
export type MakeAvatar = (sent: Buffer) => Promise<AvatarImage[]>;

type Sharp = typeof import('sharp')['default'];

export function createMakeAvatar(): MakeAvatar {
  const queue = createBoundedQueue({
    concurrency: 1,
    limit: 20,
    longestAnswer: 10 * SECOND,
    expected: 100,
    full: overloaded,
  });
  let loaded: Promise<Sharp> | undefined;

  /** Loaded by the first who needs it: it takes 20 MB, and most servers change no avatar for hours. */
  async function load() {
    loaded ??= import('sharp').then(({ default: sharp }) => {
      sharp.cache(false);
      sharp.concurrency(1);
      sharp.block({ operation: ['VipsForeignLoad'] });
      sharp.unblock({ operation: DECODERS.map((name) => `VipsForeignLoad${name}`) });
      return sharp;
    });
    return loaded;
  }

  return (sent) =>
    queue.run(async () => {
      const sharp = await load();
      try {
        // It throws at once for what has no bytes.
        const pixels = await sharp(sent, { limitInputPixels: MOST_PIXELS, failOn: 'error', pages: 1 })
          .autoOrient()
          .toColourspace('srgb')
          .resize(AVATAR_SIZES[0], AVATAR_SIZES[0], { fit: 'cover' })
          .png()
          .toBuffer();
        return await Promise.all(
          AVATAR_SIZES.map(async (size) => {
            const bytes = await sharp(pixels).resize(size, size).webp({ quality: 82 }).toBuffer();
            return { size, bytes };
          }),
        );
      } catch (cause) {
        throw fileErrors.avatar_invalid({ cause });
      }
    });
}
