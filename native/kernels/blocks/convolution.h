// Convolutions over channel blocks: the tables that say what is connected to what.
//
// The output's channels come in groups of one or two neighbouring vectors that read the same sources; a
// source is a block of input channels, or one channel of whole images. Each group lists its sources, in
// order, so that one list serves whole convolutions, groups and connection tables: what is not connected
// within a block has zero weights.
//
// Weights are packed group by group, [source][tap][channel][vector of the group][lane].
#pragma once

#include <cstdint>

namespace pellucid {

struct OutputGroup {
  std::int32_t first;    // vector of output channels
  std::int32_t vectors;  // one or two
  std::int32_t first_source;
  std::int32_t sources;
};

struct SourceEntry {
  std::int32_t plane;    // block of the source, or channel of whole images
  std::int32_t first;    // lane of its first channel
  std::int32_t count;    // channels
  std::int32_t channel;  // number of its first channel
  std::int32_t weights;  // vector in the packed weights where its own begin
};

// How a source lies in memory.
enum class ImageForm { blocks, floats, bytes };

}  // namespace pellucid
