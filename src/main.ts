/** What programs import from matvit. */
export { MatvitError, errorTable, type ErrorCode } from './errors.js';
export { type Architecture, presets } from './model/architecture.js';
export { type Checkpoint, readCheckpoint, writeCheckpoint } from './model/checkpoint.js';
export { type Model, type ModelCard, readModel, writeModel } from './model/bundle.js';
export { macs, parameterCount, relativeMacs } from './model/cost.js';
export { type OperatingPoint, fullPoint, parseOperatingPoint, printOperatingPoint } from './model/operating-point.js';
export { type Submodel, nonDecreasing, parseSubmodel, printSubmodel } from './model/submodel.js';
export { staticGraph, universalGraph } from './graph/serving.js';
export type { Encoded, Encoder } from './encoder/encoder.js';
export { type EncoderOptions, createEncoder } from './encoder/engine.js';
export { decode } from './image/decode.js';
export { ImageIndex, type SearchOptions, type SearchResult } from './corpus/image-index.js';
export type { Filter } from './catalogue/filter.js';
export { parseFilter, readFilter } from './catalogue/parse-filter.js';
export { indexFolder } from './corpus/indexing.js';
export { Searcher, type SearchAnswer, type SearchRequest } from './search/searcher.js';
export { startServer } from './service/server.js';
