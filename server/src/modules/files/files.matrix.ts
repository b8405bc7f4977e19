import { ok } from '../../../test/client.ts';
import { mine, open, permitted } from '../../../test/matrix/rules.ts';
import { member, type World } from '../../../test/matrix/world.ts';

/** The status that an admitted caller gets for the body `{}`. */
export const rules = {
  'POST:/api/v1/files': mine(400),
  'POST:/api/v1/files/multipart': mine(400),
  'GET:/api/v1/files': mine(200),
  'GET:/api/v1/files/{id}': mine(404),
  'GET:/api/v1/files/{id}/parts': mine(404),
  'POST:/api/v1/files/{id}/complete': mine(404),
  'GET:/api/v1/files/{id}/download': mine(404),
  'DELETE:/api/v1/files/{id}': mine(404),
  'GET:/api/v1/admin/files': permitted(200),
  'GET:/api/v1/admin/storage/buckets': permitted(200),
  'PUT:/api/v1/users/me/avatar': mine(400),
  'DELETE:/api/v1/users/me/avatar': mine(200),
  'GET:/api/v1/avatars/{id}': open(404),
  'PUT:/api/v1/objects/{area}/{name}': open(404),
  'GET:/api/v1/objects/{area}/{name}': open(404),
};

async function fileThing(w: World) {
  const { token: owner } = await member(w);
  const body = { filename: 'notes.txt', contentType: 'text/plain', size: 5 };
  const { file } = ok<{ file: { id: string } }>(await w.client.send('POST', '/files', { token: owner, body }), 201);
  return { parameters: { id: file.id }, owner, record: () => w.app.storage.files.find(file.id) };
}

async function objectThing(w: World) {
  const { parameters, owner, record } = await fileThing(w);
  return { parameters: { area: 'uploads', name: parameters.id }, owner, record };
}

/** Creates what the parameters of a path name. */
export const things = {
  '/api/v1/files/{id}': fileThing,
  '/api/v1/avatars/{id}': fileThing,
  '/api/v1/objects/{area}/{name}': objectThing,
};
