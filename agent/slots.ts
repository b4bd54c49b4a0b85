import { messageOf, PodvisorError } from '../runtime/errors.ts';
import type { DeviceNodes } from './device-nodes.ts';
import type { Allocation } from './device-plugin.ts';
import type { SlotCounts } from './metrics.ts';
import { acceleratorOf } from './slot-files.ts';
import { newSlot } from './slot-machine.ts';
import { openSlot, type Slot, type SlotWorld } from './slot.ts';
import type { SlotState } from './slot-types.ts';

/** All slots of the node. */
export interface Slots {
  /** Finds what is on the node again, then keeps looking. */
  start(): Promise<void>;
  /** For the device plugin: a fresh slot for a new container. */
  allocate(slot: string): Promise<Allocation>;
  counts(): SlotCounts;
  /** What is known of each slot in use. */
  states(): readonly SlotState[];
  /** Stops listening. Guests run on, slots stay. */
  close(): void;
}

/** How often the kubelet on this node is asked which slots are in use; nothing leaves the node for it. */
const ROUND_MS = 30_000;
/** After something ended, and while a slot looks free, the next look comes sooner. */
const SOON_MS = 4000;

/** The slots of this node. */
export function createSlots(world: Omit<SlotWorld, 'onEnded'>, nodes: DeviceNodes): Slots {
  return new NodeSlots(world, nodes);
}

class NodeSlots implements Slots {
  readonly #world: SlotWorld;
  readonly #nodes: DeviceNodes;
  readonly #open = new Map<string, Slot>();
  /** Slots without an owner at the last look: one look may come before the kubelet knows its pods. */
  #suspects = new Set<string>();
  /** Slots in the middle of an allocation. */
  readonly #allocating = new Set<string>();
  #timer: { cancel(): void } | undefined;
  #closed = false;

  constructor(world: Omit<SlotWorld, 'onEnded'>, nodes: DeviceNodes) {
    this.#world = { ...world, onEnded: () => this.#lookIn(SOON_MS) };
    this.#nodes = nodes;
  }

  async start(): Promise<void> {
    for (const slot of this.#world.files.list()) await this.#reopen(slot);
    this.#lookIn(0);
  }

  async allocate(slot: string): Promise<Allocation> {
    const accelerator = acceleratorOf(slot);
    if (accelerator === undefined) throw new PodvisorError('protocol', `not a slot of this node: ${slot.slice(0, 64)}`);
    this.#allocating.add(slot);
    try {
      await this.#renew(newSlot(slot, accelerator));
    } finally {
      this.#allocating.delete(slot);
    }
    return { directory: this.#world.files.paths(slot).directory, devices: this.#nodes.devicesFor(accelerator) };
  }

  states(): readonly SlotState[] {
    return [...this.#open.values()].map((slot) => slot.state());
  }

  counts(): SlotCounts {
    const states = this.states();
    return { inUse: states.length, connected: states.filter(({ connected }) => connected).length };
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const slot of this.#open.values()) slot.close();
  }

  /** Nothing of the slot's last pod is left: new FIFOs and a new socket in a new directory. */
  async #renew(state: SlotState): Promise<void> {
    this.#open.get(state.slot)?.close();
    this.#open.delete(state.slot);
    this.#suspects.delete(state.slot);
    await this.#world.files.create(state.slot);
    this.#open.set(state.slot, await openSlot(this.#world, state));
    this.#world.files.save(state);
  }

  async #reopen(slot: string): Promise<void> {
    const { files, log } = this.#world;
    const accelerator = acceleratorOf(slot);
    if (accelerator === undefined || this.#open.has(slot) || this.#allocating.has(slot)) return;
    try {
      await files.ensure(slot);
      this.#open.set(slot, await openSlot(this.#world, files.load(slot) ?? newSlot(slot, accelerator)));
    } catch (error) {
      log.error({ slot, reason: messageOf(error) }, 'a slot could not be opened again');
    }
  }

  #lookIn(ms: number): void {
    this.#timer?.cancel();
    if (!this.#closed) this.#timer = this.#world.clock.timer(ms, () => void this.#look());
  }

  async #look(): Promise<void> {
    let next = ROUND_MS;
    try {
      if (this.#open.size > 0 && (await this.#reconcile()) > 0) next = SOON_MS;
    } catch (error) {
      this.#world.log.debug({ reason: messageOf(error) }, 'slots could not be compared with the kubelet');
    }
    this.#lookIn(next);
  }

  /** Frees slots that had no owner twice and that no process has mounted. Returns how many look free for the first time. */
  async #reconcile(): Promise<number> {
    const owners = await this.#world.resources.owners();
    for (const slot of owners.keys()) await this.#reopen(slot);
    const free = [...this.#open.keys()].filter((slot) => !owners.has(slot) && !this.#isMounted(slot));
    const gone = free.filter((slot) => this.#suspects.has(slot));
    for (const slot of gone) this.#discard(slot);
    this.#suspects = new Set(free.filter((slot) => !gone.includes(slot)));
    return this.#suspects.size;
  }

  #isMounted(slot: string): boolean {
    return this.#world.processes.hasMounted(this.#world.files.paths(slot).directory);
  }

  #discard(slot: string): void {
    this.#open.get(slot)?.close();
    this.#open.delete(slot);
    this.#world.files.remove(slot);
    this.#world.onChanged();
    this.#world.log.info({ slot }, 'slot is free again');
  }
}
