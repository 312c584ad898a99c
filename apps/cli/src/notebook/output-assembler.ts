import type { JsonObject, JsonValue } from '@gateway-provisioners/core';
import type { Cell, CellOutput } from './notebook.ts';
import { objectAt } from './notebook.ts';

type DisplayOutput = Extract<CellOutput, { readonly data: JsonObject }>;

/** A message of a kernel, as far as outputs go. */
export interface OutputMessage {
  readonly msgType: string;
  readonly content: JsonObject;
}

/**
 * Turns the messages of a kernel into outputs of cells, by the rules of Jupyter's own headless client. One object
 * serves a whole notebook, because `update_display_data` may change what an earlier cell showed.
 * Neighbouring texts of one stream are joined; nothing else is.
 */
export class OutputAssembler {
  readonly #displays = new Map<string, Set<DisplayOutput>>();
  #clearBeforeNext = false;

  /** Empties the cell; its messages come next. */
  begin(cell: Cell): CellOutput[] {
    this.#clearBeforeNext = false;
    const outputs: CellOutput[] = [];
    cell.outputs = outputs;
    cell.executionCount = null;
    return outputs;
  }

  /** Takes one message that the cell's execution caused. Messages that are no output change nothing. */
  add(cell: Cell, message: OutputMessage): void {
    const outputs = cell.outputs ?? this.begin(cell);
    const { msgType, content } = message;
    const count = content['execution_count'];
    if (typeof count === 'number') cell.executionCount = count;
    if (msgType === 'clear_output') {
      if (content['wait'] === true) this.#clearBeforeNext = true;
      else this.#clear(outputs);
      return;
    }
    const displayId = displayIdOf(content);
    if (displayId !== undefined && isDisplay(msgType)) this.#update(displayId, content);
    const output = toOutput(msgType, content);
    if (output === undefined) return;
    if (this.#clearBeforeNext) this.#clear(outputs);
    this.#append(outputs, output);
    if (displayId !== undefined && 'data' in output) this.#remember(displayId, output);
  }

  #append(outputs: CellOutput[], output: CellOutput): void {
    const last = outputs.at(-1);
    if (output.output_type === 'stream' && last?.output_type === 'stream' && last.name === output.name) {
      last.text += output.text;
    } else {
      outputs.push(output);
    }
  }

  #clear(outputs: CellOutput[]): void {
    this.#clearBeforeNext = false;
    for (const output of outputs.splice(0)) {
      if (!('data' in output)) continue;
      for (const shown of this.#displays.values()) shown.delete(output);
    }
  }

  #remember(displayId: string, output: DisplayOutput): void {
    const shown = this.#displays.get(displayId);
    if (shown === undefined) this.#displays.set(displayId, new Set([output]));
    else shown.add(output);
  }

  #update(displayId: string, content: JsonObject): void {
    for (const output of this.#displays.get(displayId) ?? []) {
      output.data = objectAt(content['data']) ?? {};
      output.metadata = objectAt(content['metadata']) ?? {};
    }
  }
}

function isDisplay(msgType: string): boolean {
  return msgType === 'display_data' || msgType === 'execute_result' || msgType === 'update_display_data';
}

function displayIdOf(content: JsonObject): string | undefined {
  const id = objectAt(content['transient'])?.['display_id'];
  return typeof id === 'string' && id !== '' ? id : undefined;
}

/** Undefined for messages that are no output. Missing or odd fields become empty ones: a kernel may be sloppy. */
function toOutput(msgType: string, content: JsonObject): CellOutput | undefined {
  const data = objectAt(content['data']) ?? {};
  const metadata = objectAt(content['metadata']) ?? {};
  switch (msgType) {
    case 'stream':
      return { output_type: 'stream', name: textOf(content['name']), text: textOf(content['text']) };
    case 'display_data':
      return { output_type: 'display_data', data, metadata };
    case 'execute_result':
      return { output_type: 'execute_result', data, metadata, execution_count: content['execution_count'] ?? null };
    case 'error':
      return {
        output_type: 'error',
        ename: textOf(content['ename']),
        evalue: textOf(content['evalue']),
        traceback: linesOf(content['traceback']),
      };
    default:
      return undefined;
  }
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function linesOf(value: JsonValue | undefined): readonly string[] {
  if (!Array.isArray(value)) return [];
  const lines: readonly unknown[] = value;
  return lines.filter((line) => typeof line === 'string');
}
