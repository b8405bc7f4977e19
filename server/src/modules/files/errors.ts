import { defineErrors } from '../../platform/errors.ts';

export const fileErrors = defineErrors({
  file_not_found: {
    status: 404,
    title: 'You have no file with this id.',
    help: 'It never existed, was deleted, was given up unfinished after a day, or belongs to another user.',
  },
  quota_exceeded: {
    status: 409,
    title: 'Your files would take up more than you may store.',
    help: 'Delete some. `detail` says what your roles allow (`fileQuota`). Unfinished uploads count with their whole size.',
  },
  upload_incomplete: {
    status: 409,
    title: 'Not everything of this file has arrived yet.',
    help: 'Send what is missing to the URLs of the upload, then complete it. `GET /files/{id}/parts` lists the parts that have arrived.',
  },
  upload_refused: {
    status: 400,
    title: 'What arrived is not what was announced; it was deleted.',
    help: 'Its size, type or SHA-256 is another one: `detail` says which. Announce the file again, and send exactly that.',
  },
  url_invalid: {
    status: 403,
    title: 'This URL is not valid, or not any more.',
    help: 'A signed URL was changed, has expired, or is for another method. Request a new one.',
  },
  upload_mismatch: {
    status: 400,
    title: 'The body is not what the URL was signed for.',
    help: 'Its length, `Content-Type` or SHA-256 differs; nothing was stored.',
  },
  upload_ended: {
    status: 404,
    title: 'This upload has ended.',
    help: 'It was completed or aborted: no further parts are taken.',
  },
  avatar_invalid: {
    status: 400,
    title: 'This is not a picture that can become an avatar.',
    help: 'Send a JPEG, PNG, WebP, GIF or AVIF of at most 5 MB and 40 million pixels, that can be read whole. SVG is refused.',
  },
});
