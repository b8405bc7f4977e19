import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { isMainThread } from 'node:worker_threads';

// Preloaded into a server: writes the addresses of the modules that it loads before it listens, without those of Node, to MODULES_FILE.

const modules = [];
let isListening = false;
registerHooks({
  load(url, context, nextLoad) {
    if (!isListening && !url.startsWith('node:')) modules.push(url);
    return nextLoad(url, context);
  },
});
if (isMainThread) {
  const { Server } = await import('node:net');
  const { emit } = Server.prototype;
  Server.prototype.emit = function (name, ...rest) {
    if (name === 'listening') isListening = true;
    return emit.call(this, name, ...rest);
  };
  process.on('exit', () => writeFileSync(process.env.MODULES_FILE, JSON.stringify(modules)));
}
