// Loaded before the program that is measured: on its way out it writes the most memory it ever held, in KiB, to
// descriptor 3. `getrusage` would say at least what the process held that started it; the kernel's own mark does not.
const { readFileSync, writeSync } = require('node:fs');
const { isMainThread } = require('node:worker_threads');

if (isMainThread) {
  process.on('exit', () => {
    writeSync(3, /^VmHWM:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '');
  });
}
