import { Duplex } from 'node:stream';

/** A stream that is no socket, in front of another one: what comes and goes passes through `cut`. */
export function relay(inner: Duplex, cut: (chunk: Buffer) => readonly Buffer[]): Duplex {
  const outer = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      for (const piece of cut(chunk)) inner.write(piece);
      done();
    },
    final: (done) => {
      inner.end(done);
    },
    destroy: (error, done) => {
      inner.destroy();
      done(error);
    },
  });
  inner.on('data', (chunk: Buffer) => {
    for (const piece of cut(chunk)) outer.push(piece);
  });
  inner.on('end', () => outer.push(null));
  return outer;
}
