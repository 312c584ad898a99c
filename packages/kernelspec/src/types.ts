import type {
  CallOptions,
  Cancellation,
  Clock,
  JsonObject,
  KernelSpec,
  Logger,
  ProvisionerError,
} from '@gateway-provisioners/core';

/** Variables of the environment, as an option: packages do not read `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The seven keys of `kernel.json` that Jupyter's REST API shows. */
export interface KernelJson {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly display_name: string;
  readonly language: string;
  readonly interrupt_mode: 'signal' | 'message';
  readonly metadata: JsonObject;
  readonly kernel_protocol_version: string;
}

/** A kernelspec that was found but cannot be used, or a folder that cannot be read. */
export interface KernelSpecProblem {
  /** The kernelspec's name, lower case; absent when the problem concerns a whole search folder. */
  readonly name?: string;
  /** The file or folder. */
  readonly path: string;
  /** One sentence; names every wrong field. */
  readonly message: string;
  /** The error that {@link KernelSpecs.find} throws for it; absent for mere remarks such as a hidden duplicate. */
  readonly error?: ProvisionerError;
}

/** All usable kernelspecs at one moment, and what was wrong with the others. */
export interface KernelSpecListing {
  /** Sorted by name. */
  readonly specs: readonly KernelSpec[];
  readonly problems: readonly KernelSpecProblem[];
}

/** A file beside `kernel.json` that clients may fetch: `logo-*`, `kernel.js`, `kernel.css`. */
export interface KernelSpecResource {
  /** The key in REST's `resources`: `logo-64x64`, `logo-svg`, `kernel.js`. */
  readonly key: string;
  /** The file's name: `logo-64x64.png`. */
  readonly file: string;
  /** Absolute path. */
  readonly path: string;
}

/** Kernelspecs made in code: the ones that need no folder. */
export interface NativeKernelSpecs {
  readonly specs: readonly KernelSpec[];
  readonly problems: readonly KernelSpecProblem[];
}

export interface KernelSpecsOptions {
  readonly env: Environment;
  /** Folders that hold kernelspec folders, first one wins; default: Jupyter's search path for `env`. */
  readonly searchPath?: readonly string[] | undefined;
  /** Names that exist for clients, any case; empty or absent: all. Enforced in `find` as well as in `list`. */
  readonly allowed?: readonly string[] | undefined;
  /** The kernelspec for requests that name none; default see {@link KernelSpecs.defaultName}. */
  readonly defaultName?: string | undefined;
  /** Specs of lowest precedence that need no folder, asked for at each scan: see `nativeKernelSpecs`. */
  readonly native?: ((options: CallOptions) => Promise<NativeKernelSpecs>) | undefined;
  /** Bytes; a larger `kernel.json` is refused. Default 1 MiB. */
  readonly maxFileBytes?: number | undefined;
  /** Milliseconds between scans while a folder cannot be watched (too many watches); default 10,000. */
  readonly rescanMs?: number | undefined;
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
  /** Default: the running platform. Tests of the search path set it. */
  readonly platform?: NodeJS.Platform | undefined;
}

/** Where a kernelspec is written. `path` names the folder that holds kernelspec folders. */
export type KernelSpecDestination =
  | { readonly to: 'user' | 'sys-prefix' | 'system' }
  | { readonly to: 'prefix'; readonly prefix: string }
  | { readonly to: 'path'; readonly path: string };

export interface WriteKernelSpecOptions extends CallOptions {
  /** Letters, digits, `.`, `_` and `-`; lower-cased. */
  readonly name: string;
  /** The contents of `kernel.json`; checked before anything is written. */
  readonly spec: JsonObject;
  /** Other files of the folder by relative path, such as `logo-64x64.png` or `bin/run.sh`. */
  readonly files?: Readonly<Record<string, { readonly data: Buffer | string; readonly executable?: boolean }>>;
  readonly destination: KernelSpecDestination;
  /** Whether an existing kernelspec of that name is replaced; default false: `INVALID_STATE`. */
  readonly replace?: boolean | undefined;
}

/** Finds, lists, watches, writes and removes kernelspecs. */
export interface KernelSpecs extends AsyncDisposable {
  /** Folders that are searched, in order of precedence. */
  readonly searchPath: readonly string[];
  /**
   * The kernelspec of that name, in any case; `python` finds `python3` when there is no kernelspec `python`.
   * Errors: `KERNELSPEC_NOT_FOUND` with close names (also when the name is not allowed), `KERNELSPEC_INVALID` with
   * every wrong field.
   */
  find(name: string, options?: CallOptions): Promise<KernelSpec>;
  list(options?: CallOptions): Promise<KernelSpecListing>;
  /**
   * The configured default; else `python3` if there is one, else `deno`, else the first in the listing, else `python3`
   * although it does not exist.
   */
  defaultName(options?: CallOptions): Promise<string>;
  /** Errors: as {@link KernelSpecs.find}. */
  resources(name: string, options?: CallOptions): Promise<readonly KernelSpecResource[]>;
  /** One of {@link KernelSpecs.resources} by file name. Errors: `RESOURCE_NOT_FOUND` for any other file. */
  resourceFile(name: string, file: string, options?: CallOptions): Promise<KernelSpecResource>;
  /**
   * Watches the search path and keeps the listing in memory from now on; `onChange` is called after a kernelspec
   * appeared, changed or went. The last cancellation ends the watching.
   */
  watch(onChange?: () => void): Cancellation;
  /** Writes beside the destination and renames, so that readers see the old folder or the new one. Returns the folder. */
  write(options: WriteKernelSpecOptions): Promise<string>;
  /** Removes the folder of the kernelspec that `find` would return. Errors: `KERNELSPEC_NOT_FOUND`. Returns the folder. */
  remove(name: string, options?: CallOptions): Promise<string>;
  /** Ends watching. */
  [Symbol.asyncDispose](): Promise<void>;
}
