// Runs the speech module in node's own engine, with nothing of Callbox or wazero
// in between: the thirteen system calls that it makes are answered here, because
// node 20's node:wasi crashes after some runs in one process.
//
// Standard input: {"wasm", "voice", "dir", "sentences": [...]}. Writes dir/N.wav
// for sentence N, and prints for each sentence its words, its sounds with the
// second at which each ends, and how many sounds each word has by itself.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const job = JSON.parse(readFileSync(0, 'utf8'));
const module = await WebAssembly.compile(readFileSync(job.wasm));
const badFile = 8;

class Exit extends Error {
  constructor(code) { super(`exit ${code}`); this.code = code; }
}

// flite runs the module once: what it printed, and the file that it wrote.
async function flite(voice, options) {
  const args = ['flite', '-voice', voice, ...options].map((a) => Buffer.from(`${a}\0`));
  const printed = [];
  let file = Buffer.alloc(0);
  let at = 0;
  let memory;
  const view = () => new DataView(memory.buffer);
  const each = (list, count, use) => {
    let total = 0;
    for (let i = 0; i < count; i++) {
      const from = view().getUint32(list + 8 * i, true);
      const size = view().getUint32(list + 8 * i + 4, true);
      total += use(Buffer.from(memory.buffer, from, size));
    }
    return total;
  };
  const system = {
    args_sizes_get(count, size) {
      view().setUint32(count, args.length, true);
      view().setUint32(size, args.reduce((n, a) => n + a.length, 0), true);
      return 0;
    },
    args_get(list, text) {
      for (const a of args) {
        view().setUint32(list, text, true);
        a.copy(Buffer.from(memory.buffer), text);
        list += 4;
        text += a.length;
      }
      return 0;
    },
    clock_time_get(id, precision, time) { view().setBigUint64(time, 0n, true); return 0; },
    fd_prestat_get(fd, to) {
      if (fd !== 3) return badFile;
      view().setUint32(to, 0, true); // a folder
      view().setUint32(to + 4, 1, true); // the length of its name
      return 0;
    },
    fd_prestat_dir_name(fd, name) { Buffer.from(memory.buffer).write('/', name); return 0; },
    fd_fdstat_get(fd, to) {
      Buffer.from(memory.buffer).fill(0, to, to + 24);
      view().setUint8(to, fd === 3 ? 3 : fd === 4 ? 4 : 2); // folder, file, terminal
      view().setBigUint64(to + 8, ~0n, true);
      view().setBigUint64(to + 16, ~0n, true);
      return 0;
    },
    fd_fdstat_set_flags() { return 0; },
    path_open(dir, follow, name, size, flags, rights, inherited, fdflags, to) { view().setUint32(to, 4, true); return 0; },
    fd_seek(fd, offset, whence, to) {
      at = Number(offset) + [0, at, file.length][whence];
      view().setBigUint64(to, BigInt(at), true);
      return 0;
    },
    fd_write(fd, list, count, to) {
      view().setUint32(to, each(list, count, (b) => {
        if (fd !== 4) {
          printed.push(Buffer.from(b));
          return b.length;
        }
        if (at + b.length > file.length) file = Buffer.concat([file, Buffer.alloc(at + b.length - file.length)]);
        b.copy(file, at);
        at += b.length;
        return b.length;
      }), true);
      return 0;
    },
    fd_read(fd, list, count, to) { view().setUint32(to, 0, true); return 0; },
    fd_close() { return 0; },
    proc_exit(code) { throw new Exit(code); },
  };
  const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: system });
  memory = instance.exports.memory;
  try {
    instance.exports._start();
  } catch (e) {
    if (!(e instanceof Exit) || e.code !== 0) throw e;
  }
  return { words: Buffer.concat(printed).toString().trim().split(/\s+/).filter((w) => w !== ''), file };
}

const counts = {};
const sentences = [];
for (const [n, text] of job.sentences.entries()) {
  const spoken = await flite(job.voice, ['-psdur', '-t', text, '-o', '/speech.wav']);
  writeFileSync(join(job.dir, `${n}.wav`), spoken.file);
  const sounds = spoken.words.map((s) => {
    const cut = s.lastIndexOf(':');
    return { name: s.slice(0, cut), end: Number(s.slice(cut + 1)) };
  });
  // The words do not hang on the voice: kal16 is the quickest to print them.
  const { words } = await flite('kal16', ['-pw', '-t', text, '-o', 'none']);
  for (const w of words) {
    counts[w] ??= (await flite(job.voice, ['-ps', '-t', w, '-o', 'none'])).words.filter((s) => s !== 'pau').length;
  }
  sentences.push({ text, words, sounds });
}
console.log(JSON.stringify({ sentences, counts }));
