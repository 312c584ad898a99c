import { membersOf, numberOf } from './config/json-members.ts';
import type { PullProgress } from './engine.ts';

interface Layer {
  done: boolean;
  currentBytes: number;
  totalBytes: number;
}

const DONE = new Set(['Pull complete', 'Already exists', 'Download complete']);

/** Sums up what the engine says about each layer of an image that is pulled. */
export class PullTracker {
  readonly #image: string;
  readonly #layers = new Map<string, Layer>();

  constructor(image: string) {
    this.#image = image;
  }

  /** Takes one line of the pull; returns undefined when it is not about a layer. */
  update(line: Readonly<Record<string, unknown>>): PullProgress | undefined {
    const { id, status, progressDetail } = line;
    if (typeof id !== 'string' || typeof status !== 'string' || status.startsWith('Pulling from')) return undefined;
    const layer = this.#layers.get(id) ?? { done: false, currentBytes: 0, totalBytes: 0 };
    this.#layers.set(id, layer);
    if (DONE.has(status)) {
      layer.done = true;
      layer.currentBytes = layer.totalBytes;
    } else if (status === 'Downloading') {
      const { current, total } = membersOf(progressDetail);
      layer.currentBytes = bytesOf(current);
      layer.totalBytes = Math.max(layer.totalBytes, bytesOf(total));
    }
    return this.#sum();
  }

  #sum(): PullProgress {
    const layers = [...this.#layers.values()];
    const layersDone = layers.filter(({ done }) => done).length;
    const currentBytes = layers.reduce((sum, layer) => sum + layer.currentBytes, 0);
    const totalBytes = layers.reduce((sum, layer) => sum + layer.totalBytes, 0);
    const bytes = totalBytes === 0 ? '' : `, ${megabytes(currentBytes)} of ${megabytes(totalBytes)} MB`;
    return {
      message: `pulling ${this.#image}: ${String(layersDone)} of ${String(layers.length)} layers${bytes}`,
      layersDone,
      layers: layers.length,
      fraction: totalBytes === 0 ? layersDone / layers.length : Math.min(1, currentBytes / totalBytes),
    };
  }
}

/** What sums of layers stay finite with. */
function bytesOf(value: unknown): number {
  return Math.min(Math.max(0, numberOf(value)), Number.MAX_SAFE_INTEGER);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}
