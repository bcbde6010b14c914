import { BIND_STORM } from './kinds/bind-storm.ts';
import { BROWSER } from './kinds/browser.ts';
import { FRAGMENTED } from './kinds/fragmented.ts';
import { GAME } from './kinds/game.ts';
import { SPARSE_TEXTURES } from './kinds/sparse-textures.ts';
import { VIDEO } from './kinds/video.ts';
import { VM_CHURN } from './kinds/vm-churn.ts';
import type { WorkloadKind } from './workload.ts';

export const WORKLOADS: readonly WorkloadKind[] = [
  SPARSE_TEXTURES,
  GAME,
  BROWSER,
  VIDEO,
  VM_CHURN,
  FRAGMENTED,
  BIND_STORM,
];
