/** A JSON value. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue | undefined };

export type JsonObject = Readonly<Record<string, JsonValue | undefined>>;

export type InterruptMode = 'signal' | 'message';

/** Which provisioner runs a kernel, and its settings: `metadata.kernel_provisioner` of a `kernel.json`. */
export interface ProvisionerStanza {
  readonly provisionerName: string;
  readonly config: JsonObject;
}

/**
 * A kernelspec as the field knows it (`kernel.json`), parsed and normalised.
 * Unknown top-level keys of the file are kept in {@link KernelSpec.extra}.
 */
export interface KernelSpec {
  /** Lower-cased folder name: the key under which it is found. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly displayName: string;
  readonly language: string;
  /** Default `signal`. */
  readonly interruptMode: InterruptMode;
  readonly metadata: JsonObject;
  readonly kernelProtocolVersion?: string;
  readonly extra: JsonObject;
  /** The folder that holds `kernel.json`; absent for specs made in code. */
  readonly resourceDir?: string;
  /** From `metadata.kernel_provisioner`, or read from Enterprise Gateway's `metadata.process_proxy`. */
  readonly provisioner: ProvisionerStanza;
}
