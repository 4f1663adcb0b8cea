// What the remote does on worker threads; the threads' entry lists it with the jobs of the other folders.

import { cutBatch, cutSegment, hashChunks } from './cut.js'
import { readChunks } from './defragment.js'
import { appendChunks, sealPack } from './packs.js'
import { findSoundChunks } from './resume.js'
import { copyPieces, unpack } from './unpack.js'

export const remoteJobs = [
  cutBatch,
  cutSegment,
  hashChunks,
  appendChunks,
  sealPack,
  unpack,
  copyPieces,
  findSoundChunks,
  readChunks,
] as const
