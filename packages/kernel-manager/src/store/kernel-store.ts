import type { CallOptions } from '@gateway-provisioners/core';
import type { KernelRecord } from './kernel-record.ts';

/** A record with the version that a later write must name. */
export interface StoredRecord {
  readonly record: KernelRecord;
  readonly version: number;
}

export interface StoreListing {
  readonly records: readonly StoredRecord[];
  /** Records that could not be read, and under which name they were set aside: `STORE_CORRUPT` errors. */
  readonly problems: readonly Error[];
}

/**
 * Where records of kernels live. A record is written before its kernel is created and deleted after its resources are
 * gone, so that a crash at any point leaves enough to clean up or to attach.
 */
export interface KernelStore extends AsyncDisposable {
  /**
   * Takes the store for this process and returns the id of the instance whose records it keeps: `proposed` when it is
   * new or given, else the one chosen at the first opening. Errors: `INVALID_STATE` when another live process has it.
   */
  open(options: CallOptions & { readonly instanceId?: string | undefined }): Promise<string>;
  get(kernelId: string, options?: CallOptions): Promise<StoredRecord | undefined>;
  list(options?: CallOptions): Promise<StoreListing>;
  /**
   * Writes durably and returns the new version. `version` is that of the record that is replaced, 0 for none.
   * Errors: `RECORD_CONFLICT` when the stored version is another one.
   */
  put(record: KernelRecord, options: CallOptions & { readonly version: number }): Promise<number>;
  /** Deleting what is gone succeeds. Errors: `RECORD_CONFLICT` when `version` is given and is not the stored one. */
  delete(kernelId: string, options?: CallOptions & { readonly version?: number | undefined }): Promise<void>;
}
