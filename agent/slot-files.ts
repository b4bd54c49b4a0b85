import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Accelerator } from '../api/guest-spec.ts';
import { LAUNCHER_UID } from '../api/names.ts';
import { SOCKET_DIRECTORY } from '../guest/networks.ts';
import type { RunProgram } from './run-program.ts';
import type { SlotState } from './slot-types.ts';
import { without } from './without.ts';

/** A slot's name: accelerator and number, such as `tcg-17`. It becomes a path. */
const SLOT_ID = /^(kvm|tcg)-\d{1,4}$/;

/** The accelerator a device id of ours speaks of; undefined for anything else. */
export function acceleratorOf(id: string): Accelerator | undefined {
  return SLOT_ID.exec(id)?.[1] as Accelerator | undefined;
}

function isSlotId(id: string): boolean {
  return SLOT_ID.test(id);
}

/** Where things lie below the agent's directory (contract with the launcher, docs/adr/0006). */
export interface SlotPaths {
  readonly directory: string;
  readonly status: string;
  readonly argv: string;
  readonly qmp: string;
  /** Directory of QEMU's user, for sockets of helpers that run as it. The pod sees it read-only, like all of the slot. */
  readonly sockets: string;
}

/** The agent's directory on the node. */
export interface SlotFiles {
  paths(slot: string): SlotPaths;
  /** An empty slot directory with its FIFOs; what was there is gone. */
  create(slot: string): Promise<void>;
  /** As create, but leaves alone what is there. */
  ensure(slot: string): Promise<void>;
  /** Slots that have a directory or a state file. */
  list(): string[];
  remove(slot: string): void;
  save(state: SlotState): void;
  /** Undefined when there is none, or none that can be used. */
  load(slot: string): SlotState | undefined;
}

/** What of a state outlives the agent: the start in progress and the connection are found again, not remembered. */
type StoredState = Omit<SlotState, 'start' | 'connected'>;
const STATE_VERSION = 1;

/** The slots below `root`, which only root may enter: the only way to a slot is the mount in its own pod. */
export function createSlotFiles(root: string, run: RunProgram): SlotFiles {
  const slots = join(root, 'slots');
  const states = join(root, 'state');
  for (const directory of [root, slots, states]) {
    mkdirSync(directory, { recursive: true });
    chmodSync(directory, 0o700);
  }
  const stateFile = (slot: string): string => join(states, `${checked(slot)}.json`);
  const paths = (slot: string): SlotPaths => slotPaths(join(slots, checked(slot)));
  const ensure = (slot: string): Promise<void> => ensureSlot(paths(slot), run);
  const remove = (slot: string): void => {
    rmSync(paths(slot).directory, { recursive: true, force: true });
    rmSync(stateFile(slot), { force: true });
  };
  return {
    paths,
    ensure,
    remove,
    create: (slot) => {
      remove(slot);
      return ensure(slot);
    },
    list: () => {
      const names = [...readdirSync(slots), ...readdirSync(states).map((file) => file.replace(/\.json(\.new)?$/, ''))];
      return [...new Set(names)].filter(isSlotId);
    },
    save: (live) => {
      const state: StoredState = without(live, 'start', 'connected');
      const file = stateFile(state.slot);
      writeFileSync(`${file}.new`, JSON.stringify({ version: STATE_VERSION, state }), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    },
    load: (slot) => loadState(stateFile(slot)),
  };
}

function checked(slot: string): string {
  if (!isSlotId(slot)) throw new Error(`not a slot: ${JSON.stringify(slot)}`);
  return slot;
}

function slotPaths(directory: string): SlotPaths {
  return {
    directory,
    status: join(directory, 'status'),
    argv: join(directory, 'argv'),
    qmp: join(directory, 'qmp.sock'),
    sockets: join(directory, SOCKET_DIRECTORY),
  };
}

async function ensureSlot({ directory, status, argv, sockets }: SlotPaths, run: RunProgram): Promise<void> {
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o755);
  mkdirSync(sockets, { recursive: true, mode: 0o700 });
  chownSync(sockets, LAUNCHER_UID, LAUNCHER_UID);
  const missing = [status, argv].filter((path) => statSync(path, { throwIfNoEntry: false }) === undefined);
  if (missing.length > 0) await run({ file: 'mkfifo', args: ['--', ...missing] });
  // The tenant writes status and reads argv; chmod, because a umask would bite into mkfifo's mode.
  chmodSync(status, 0o666);
  chmodSync(argv, 0o644);
}

function loadState(file: string): SlotState | undefined {
  try {
    const { version, state } = JSON.parse(readFileSync(file, 'utf8')) as { version?: unknown; state?: StoredState };
    return version === STATE_VERSION && state !== undefined ? resumed(state) : undefined;
  } catch {
    return undefined;
  }
}

/** An ending the API server has not heard of is found, and told, again. */
function resumed(stored: StoredState): SlotState {
  const { ending, ...state } = stored;
  const told = ending !== undefined && state.wanted?.ready.reason === ending.reason;
  return { ...state, connected: false, ...(told ? { ending } : {}) };
}
