import type { JsonObject, JsonValue } from '@gateway-provisioners/core';

/** JSON that may be changed in place, unlike {@link JsonObject}. */
export type MutableJson = Record<string, JsonValue | undefined>;

/** An output of a code cell, in nbformat 4's form. */
export type CellOutput =
  | { readonly output_type: 'stream'; readonly name: string; text: string }
  | { readonly output_type: 'display_data'; data: JsonObject; metadata: JsonObject }
  | {
      readonly output_type: 'execute_result';
      data: JsonObject;
      metadata: JsonObject;
      readonly execution_count: JsonValue;
    }
  | {
      readonly output_type: 'error';
      readonly ename: string;
      readonly evalue: string;
      readonly traceback: readonly string[];
    };

/** A cell; what we do not know of is kept as it was read. */
export interface Cell {
  readonly cellType: string;
  source: string;
  readonly tags: readonly string[];
  /** All other fields of the file, `metadata` included. */
  readonly fields: MutableJson;
  /** What the execution produced; undefined for cells that were not executed, which keep the outputs of the file. */
  outputs?: CellOutput[];
  executionCount?: JsonValue;
}

/** A notebook of nbformat 4. */
export interface Notebook {
  readonly nbformatMinor: number;
  readonly metadata: MutableJson;
  cells: Cell[];
  /** All other fields of the file. */
  readonly fields: MutableJson;
}

/** The name of the kernelspec that the notebook asks for. */
export function kernelNameOf(notebook: Notebook): string | undefined {
  const name = objectAt(notebook.metadata['kernelspec'])?.['name'];
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/** The value if it is a JSON object. */
export function objectAt(value: unknown): JsonObject | undefined {
  return isJsonObject(value) ? value : undefined;
}

// Only used on what came from JSON.parse or from a message, which hold nothing but JSON.
function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
