/** What `matvit` can do, as its help lists it. */
import type { Command } from 'commander';
import { averageCommand } from './average.js';
import { benchCommand } from './bench.js';
import { calibrateCommand } from './calibrate.js';
import { configCommand } from './config.js';
import { demoCommand } from './demo.js';
import { duplicatesCommand } from './duplicates.js';
import { evaluateCommand } from './evaluate.js';
import { importCommand } from './import.js';
import { indexCommand } from './index.js';
import { keysCommand } from './keys.js';
import { searchCommand } from './search.js';
import { serveCommand } from './serve.js';
import { snapshotCommand } from './snapshot.js';
import { trainCommand } from './train.js';

export const commands: readonly Command[] = [
  indexCommand,
  searchCommand,
  serveCommand,
  calibrateCommand,
  duplicatesCommand,
  snapshotCommand,
  configCommand,
  keysCommand,
  evaluateCommand,
  benchCommand,
  trainCommand,
  averageCommand,
  importCommand,
  demoCommand,
];
