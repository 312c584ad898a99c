import { assertOwnedBy, formatOwner } from '@gateway-provisioners/core';
import type {
  CallOptions,
  JsonObject,
  LaunchContext,
  LaunchOptions,
  LaunchedKernel,
  OwnedResource,
  ProvisionerServices,
  ProvisionerState,
  ResourceOwner,
} from '@gateway-provisioners/core';
import {
  HeldKernels,
  attachRemoteKernel,
  launchRemoteKernel,
  leastRemoteState,
  parseRemoteState,
} from '@gateway-provisioners/core/remote';
import type {
  AttachRemoteKernelOptions,
  LaunchRemoteKernelOptions,
  RemoteResource,
} from '@gateway-provisioners/core/remote';
import { OWNER_LABEL } from './kernel-labels.ts';
import { StateFiles } from './state-files.ts';

/** What is particular about the launches of one provisioner. */
export type LaunchParts<R extends RemoteResource> = Pick<LaunchRemoteKernelOptions<R>, 'expect' | 'create' | 'connect'>;

/** What is particular about attaching: `open` is asked for kernels alone that were once ready. */
export type AttachParts<R extends RemoteResource> = Pick<AttachRemoteKernelOptions<R>, 'open' | 'connect'>;

/** The kernels of one provisioner: those it holds, and the states of all that its instance owns. */
export class OwnedKernels implements AsyncDisposable {
  readonly #services: ProvisionerServices;
  readonly #states: StateFiles;
  readonly #held = new HeldKernels();

  /** `name` is that of the folder with states. */
  constructor(services: ProvisionerServices, name: string) {
    this.#services = services;
    this.#states = new StateFiles(services.runtimeDir, name);
  }

  async launch<R extends RemoteResource>(
    context: LaunchContext,
    launch: LaunchOptions,
    parts: LaunchParts<R>,
  ): Promise<LaunchedKernel> {
    const { clock, logger, instanceId } = this.#services;
    assertOwnedBy(instanceId, context);
    const hold = this.#held.hold();
    try {
      const checkpoint = async (state: ProvisionerState): Promise<void> => {
        await Promise.all([this.#states.save(context, state), context.checkpoint(state)]);
      };
      const kernel = await launchRemoteKernel({
        ...parts,
        context: { ...context, checkpoint },
        launch,
        clock,
        logger,
        onReleased: hold.release,
      });
      hold.take(kernel);
      return kernel;
    } catch (error) {
      await this.forget(context);
      throw error;
    }
  }

  /** Undefined for a kernel that is gone, and for one that was never seen ready. */
  async attach<R extends RemoteResource>(
    given: ProvisionerState,
    { signal }: CallOptions,
    parts: AttachParts<R>,
  ): Promise<LaunchedKernel | undefined> {
    const { clock, logger, rendezvous, instanceId } = this.#services;
    const owner = parseRemoteState(given);
    // Our copy may know more than a state that was stored early.
    const state = owner.connection === undefined ? ((await this.#states.load(owner)) ?? given) : given;
    const hold = this.#held.hold();
    const kernel = await attachRemoteKernel({
      ...parts,
      ...{ state, instanceId, rendezvous, clock, logger, signal },
      open: async (resource, known) => {
        // Its launcher had not called home when the gateway ended: nobody could ever talk to it, so it is to be removed.
        return known.connection === undefined ? undefined : await parts.open(resource, known);
      },
      onReleased: hold.release,
    });
    if (kernel !== undefined) hold.take(kernel);
    return kernel;
  }

  /** Something labelled as {@link OWNER_LABEL} says. Undefined when it is another instance's, or nobody's. */
  async resourceOf(
    owner: ResourceOwner | undefined,
    { id, resource }: { readonly id: string; readonly resource: JsonObject },
  ): Promise<OwnedResource | undefined> {
    if (owner?.instanceId !== this.#services.instanceId) return undefined;
    const state = await this.#states.load(owner);
    return { ...owner, id, state: state ?? leastRemoteState(owner, resource) };
  }

  async forget(owner: ResourceOwner): Promise<void> {
    await this.#states.forget(owner);
  }

  /** Lets go of all kernels; they run on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held[Symbol.asyncDispose]();
  }
}

/** Whether something with these labels was made for that start of that kernel. */
export function isOwnedBy(labels: Readonly<Record<string, string>>, owner: ResourceOwner): boolean {
  return labels[OWNER_LABEL] === formatOwner(owner);
}
