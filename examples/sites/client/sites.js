// For pages, and for programs with `fetch` and `WebSocket`. `api` is `https://auth.example.com/api/v1`, `token` the access token in memory.

async function call(api, token, method, path, body) {
  const answer = await fetch(api + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const result = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw Object.assign(new Error(result.title), result);
  return result;
}

/** Reports a violation with one file as evidence, such as `input.files[0]`; answers the violation. */
export async function reportViolation({ api, token, siteId, text, file }) {
  const violation = await call(api, token, 'POST', `/sites/${siteId}/violations`, { text });
  const announced = { filename: file.name, contentType: file.type, size: file.size };
  const { file: stored, upload } = await call(api, token, 'POST', '/files', announced);
  const sent = await fetch(upload.url, { method: upload.method, headers: upload.headers, body: file });
  if (!sent.ok) throw new Error(`The file was not taken: ${sent.status}`);
  await call(api, token, 'POST', `/files/${stored.id}/complete`);
  return call(api, token, 'POST', `/violations/${violation.id}/evidence`, { fileId: stored.id });
}

/**
 * Calls `onChange` with the site's violations at first, and again whenever something changes there. `onEnd` hears why it ended. Answers how to
 * stop. A page calls it again with a new token where the code of `onEnd` says so: see docs/realtime.md.
 */
export function followSite({ api, token, siteId, onChange, onEnd = () => {} }) {
  const socket = new WebSocket(`${api.replace(/^http/, 'ws')}/ws`, ['ostiary.v1', `bearer.${token}`]);
  const topic = `site:${siteId}`;
  const read = async () => onChange((await call(api, token, 'GET', `/sites/${siteId}/violations`)).items);
  const failed = (error) => {
    socket.close();
    onEnd(error);
  };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.ready) socket.send(JSON.stringify({ subscribe: [topic] }));
    // A hint, the beginning, or some hints are lost: what is there now, the API says.
    if (message.topic || message.subscribed || message.resync) read().catch(failed);
    if (message.refused) failed(new Error(`This site cannot be followed: ${message.code}`));
  };
  socket.onclose = ({ code }) => onEnd(code);
  return () => {
    socket.onclose = null;
    socket.close();
  };
}
