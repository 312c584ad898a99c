import { errorMessage, parsePortRange } from '@gateway-provisioners/core';
import { z } from 'zod';

/**
 * Settings of `local-provisioner`, from a kernelspec's `config` or the gateway's own. All may be left out; unknown
 * names are ignored, since kernelspecs of Enterprise Gateway have some that mean nothing here.
 */
export const localConfigSchema = z
  .object({
    /** `low..high`: the kernel's five ports are taken from it. Default `0..0`: any free port. */
    port_range: z.string().default('0..0'),
    /** Ports that a range must hold at least, as Enterprise Gateway demands. Default 1000. */
    min_port_range_size: z.int().min(5).default(1000),
    /** `ipc`: unix sockets in the kernel's folder, which no other user can open. Default `tcp` on 127.0.0.1. */
    transport: z.enum(['tcp', 'ipc']).default('tcp'),
    /**
     * Tell the kernel our process id as `JPY_PARENT_PID`: kernels that honour it (ipykernel) end when we do. Off by
     * default, so that kernels outlive a restart of the gateway.
     */
    parent_pid: z.boolean().default(false),
    /**
     * Bytes that a kernel's log file may reach; it is then cut down to its last 64 KiB, with a line that says so.
     * 0: never. Default 64 MiB.
     */
    max_log_bytes: z
      .int()
      .min(0)
      .default(64 * 1024 * 1024),
    /** Folders in which interpreters are looked for before VIRTUAL_ENV, CONDA_PREFIX and PATH. Default none. */
    interpreter_path: z.array(z.string().startsWith('/', 'use an absolute path')).default([]),
  })
  .superRefine((config, context) => {
    try {
      parsePortRange(config.port_range, { minSize: config.min_port_range_size });
    } catch (error) {
      context.addIssue({ code: 'custom', path: ['port_range'], message: errorMessage(error) });
    }
  });

export type LocalConfig = z.infer<typeof localConfigSchema>;
