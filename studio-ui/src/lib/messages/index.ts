// Written by pellucid.studio.typescript from src/pellucid/studio/messages/.
export type * from "./models";
export type * from "./maps";
export type * from "./arithmetic";
export type * from "./questions";
export type * from "./training";
export type * from "./export";
export type * from "./notebook";
