import { readFile } from 'node:fs/promises';

type Output = Readonly<Record<string, unknown>>;

export interface NormalisedCell {
  readonly source: string;
  readonly executionCount: unknown;
  readonly outputs: readonly Output[];
}

/**
 * The code cells of an executed notebook without what two runs of the same program may differ in: texts as one string
 * (nbformat allows lists of lines), neighbouring pieces of one stream joined, process ids in paths of tracebacks, and
 * the order of metadata.
 */
export async function readNormalisedCells(path: string): Promise<readonly NormalisedCell[]> {
  const notebook: unknown = JSON.parse(await readFile(path, 'utf8'));
  if (!isRecord(notebook) || !Array.isArray(notebook['cells'])) throw new Error(`${path}: not a notebook`);
  return notebook['cells']
    .filter((cell) => isRecord(cell))
    .filter((cell) => cell['cell_type'] === 'code')
    .map((cell) => ({
      source: joined(cell['source']),
      executionCount: cell['execution_count'],
      outputs: joinStreams(Array.isArray(cell['outputs']) ? cell['outputs'].filter((o) => isRecord(o)) : []),
    }));
}

function joinStreams(outputs: readonly Output[]): readonly Output[] {
  const result: Output[] = [];
  for (const output of outputs) {
    const last = result.at(-1);
    if (output['output_type'] === 'stream') {
      const text = joined(output['text']);
      if (last?.['output_type'] === 'stream' && last['name'] === output['name']) {
        result[result.length - 1] = { ...last, text: String(last['text']) + text };
        continue;
      }
      result.push({ ...output, text });
    } else if (output['output_type'] === 'error') {
      result.push({ ...output, traceback: withoutPids(joinedLines(output['traceback'])) });
    } else {
      const data = isRecord(output['data']) ? output['data'] : {};
      result.push({
        ...output,
        data: Object.fromEntries(Object.entries(data).map(([type, value]) => [type, textOrValue(value)])),
      });
    }
  }
  return result;
}

/** nbformat writes a text as one string or as a list of its lines. */
function joined(value: unknown): string {
  return lines(value).join('');
}

function joinedLines(value: unknown): string {
  return lines(value).join('\n');
}

function lines(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.map(String) : [];
}

function textOrValue(value: unknown): unknown {
  return Array.isArray(value) && value.every((line) => typeof line === 'string') ? value.join('') : value;
}

function withoutPids(text: string): string {
  return text.replaceAll(/ipykernel_\d+/g, 'ipykernel_N');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
