/**
 * ONNX Runtime tells its maker which CPU it runs on and keeps files for that in the home folder and the temporary one, unless
 * the environment forbids it. Import this first in whatever loads it, or starts threads that do: a thread has a copy of the
 * environment, and setting that would be too late.
 */
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
