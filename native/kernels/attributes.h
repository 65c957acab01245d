// The hyper-parameters of each operation: plain structs of eight-byte fields whose names the plan compiler
// uses, so that a plan that names a field wrongly is refused when it is loaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pellucid {

struct Field {
  const char* name;
  bool is_real;
};

#define PELLUCID_DECLARE_INTEGER(name) std::int64_t name;
#define PELLUCID_DECLARE_REAL(name) double name;
#define PELLUCID_DESCRIBE_INTEGER(name) Field{#name, false},
#define PELLUCID_DESCRIBE_REAL(name) Field{#name, true},
#define PELLUCID_ATTRIBUTES(Name, FIELDS)                                                          \
  struct Name {                                                                                    \
    FIELDS(PELLUCID_DECLARE_INTEGER, PELLUCID_DECLARE_REAL)                                        \
    static std::span<const Field> fields() {                                                       \
      static constexpr Field list[] = {FIELDS(PELLUCID_DESCRIBE_INTEGER, PELLUCID_DESCRIBE_REAL)}; \
      return list;                                                                                 \
    }                                                                                              \
  };

// Cells of one image (or of one array) that a kernel treats alike.
#define PELLUCID_CELLS(INTEGER, REAL) INTEGER(cells)
PELLUCID_ATTRIBUTES(CellsAttributes, PELLUCID_CELLS)

// (channels, positions) per image.
#define PELLUCID_CHANNELS(INTEGER, REAL) INTEGER(channels) INTEGER(positions)
PELLUCID_ATTRIBUTES(ChannelAttributes, PELLUCID_CHANNELS)

// stripes: about equal parts of the positions.
#define PELLUCID_BLOCK_SCATTER(INTEGER, REAL) INTEGER(channels) INTEGER(positions) INTEGER(stripes)
PELLUCID_ATTRIBUTES(BlockScatterAttributes, PELLUCID_BLOCK_SCATTER)

// Input, kernel and output sizes of a window that moves over rows and columns. adaptive:
// kernels/pooling/window.h says where it lies, and its sizes are at most the kernel's. rectify: a ReLU comes
// first.
#define PELLUCID_WINDOW(INTEGER, REAL) \
  INTEGER(channels)                    \
  INTEGER(in_height)                   \
  INTEGER(in_width)                    \
  INTEGER(out_height)                  \
  INTEGER(out_width)                   \
  INTEGER(kernel_height)               \
  INTEGER(kernel_width)                \
  INTEGER(stride_height)               \
  INTEGER(stride_width)                \
  INTEGER(dilation_height)             \
  INTEGER(dilation_width)              \
  INTEGER(pad_top)                     \
  INTEGER(pad_bottom)                  \
  INTEGER(pad_left)                    \
  INTEGER(pad_right)                   \
  INTEGER(include_padding)             \
  INTEGER(adaptive)                    \
  INTEGER(rectify)
PELLUCID_ATTRIBUTES(PoolingAttributes, PELLUCID_WINDOW)

// norm: p of a p-norm.
#define PELLUCID_NORM_POOLING(INTEGER, REAL) PELLUCID_WINDOW(INTEGER, REAL) REAL(norm)
PELLUCID_ATTRIBUTES(NormPoolingAttributes, PELLUCID_NORM_POOLING)

#define PELLUCID_LOCAL_CONNECTIONS(INTEGER, REAL) PELLUCID_WINDOW(INTEGER, REAL) INTEGER(out_channels)
PELLUCID_ATTRIBUTES(LocalConnectionAttributes, PELLUCID_LOCAL_CONNECTIONS)

// rectify: a ReLU follows. strip: rows of the output gradient that are formed at a time.
#define PELLUCID_CONVOLUTION(INTEGER, REAL) \
  INTEGER(groups)                           \
  INTEGER(in_height)                        \
  INTEGER(in_width)                         \
  INTEGER(out_height)                       \
  INTEGER(out_width)                        \
  INTEGER(kernel_height)                    \
  INTEGER(kernel_width)                     \
  INTEGER(stride_height)                    \
  INTEGER(stride_width)                     \
  INTEGER(dilation_height)                  \
  INTEGER(dilation_width)                   \
  INTEGER(gradient_pad)                     \
  INTEGER(gradient_width)                   \
  INTEGER(rectify)                          \
  INTEGER(strip)
PELLUCID_ATTRIBUTES(ConvolutionAttributes, PELLUCID_CONVOLUTION)

// A convolution along whose rows minimal filtering goes, its input padded; taps: of a square kernel's side.
// pooled: maxima of two by two outputs are written. strip: tiles of a row that go through at a time.
#define PELLUCID_FILTERING(INTEGER, REAL) \
  INTEGER(in_channels)                    \
  INTEGER(out_channels)                   \
  INTEGER(in_height)                      \
  INTEGER(in_width)                       \
  INTEGER(out_height)                     \
  INTEGER(out_width)                      \
  INTEGER(taps)                           \
  INTEGER(rectify)                        \
  INTEGER(pooled)                         \
  INTEGER(strip)
PELLUCID_ATTRIBUTES(FilteringAttributes, PELLUCID_FILTERING)

#define PELLUCID_LINEAR(INTEGER, REAL) INTEGER(in_features) INTEGER(out_features) INTEGER(row)
PELLUCID_ATTRIBUTES(LinearAttributes, PELLUCID_LINEAR)

#define PELLUCID_PAD(INTEGER, REAL) \
  INTEGER(channels)                 \
  INTEGER(height)                   \
  INTEGER(width)                    \
  INTEGER(top)                      \
  INTEGER(bottom)                   \
  INTEGER(left)                     \
  INTEGER(right)                    \
  INTEGER(mode)
PELLUCID_ATTRIBUTES(PadAttributes, PELLUCID_PAD)

// kind is an ActivationKind, rule a BackwardRule (kernels/activation/activation.h).
#define PELLUCID_ACTIVATION(INTEGER, REAL) \
  INTEGER(channels) INTEGER(positions) INTEGER(kind) INTEGER(rule) REAL(amplitude) REAL(slope)
PELLUCID_ATTRIBUTES(ActivationAttributes, PELLUCID_ACTIVATION)

// Values of a vector, and the limit of its norm.
#define PELLUCID_CLIP(INTEGER, REAL) INTEGER(cells) REAL(limit)
PELLUCID_ATTRIBUTES(ClipAttributes, PELLUCID_CLIP)

#define PELLUCID_GATHER(INTEGER, REAL) INTEGER(cells) REAL(scale)
PELLUCID_ATTRIBUTES(GatherAttributes, PELLUCID_GATHER)

#define PELLUCID_BLOCK_GATHER(INTEGER, REAL) INTEGER(channels) INTEGER(positions) REAL(scale)
PELLUCID_ATTRIBUTES(BlockGatherAttributes, PELLUCID_BLOCK_GATHER)

#define PELLUCID_BLOCK_COMBINE(INTEGER, REAL) INTEGER(channels) INTEGER(positions) INTEGER(rectify)
PELLUCID_ATTRIBUTES(BlockCombineAttributes, PELLUCID_BLOCK_COMBINE)

// A convolution as the layer that is carried out sees it (an input gradient is one too). top, left: cells
// that lie around the input; rectify_input: a ReLU before it; rectify: one after the output, or before its
// gradient; transposed: an input gradient, whose weights are the layer's; chunk: tiles that go through at a
// time.
#define PELLUCID_WINOGRAD(INTEGER, REAL) \
  INTEGER(in_channels)                   \
  INTEGER(out_channels)                  \
  INTEGER(in_height)                     \
  INTEGER(in_width)                      \
  INTEGER(out_height)                    \
  INTEGER(out_width)                     \
  INTEGER(top)                           \
  INTEGER(left)                          \
  INTEGER(rectify_input)                 \
  INTEGER(rectify)                       \
  INTEGER(transposed)                    \
  INTEGER(chunk)
PELLUCID_ATTRIBUTES(WinogradAttributes, PELLUCID_WINOGRAD)

#define PELLUCID_WINOGRAD_WEIGHTS(INTEGER, REAL) \
  INTEGER(in_channels) INTEGER(out_channels) INTEGER(transposed)
PELLUCID_ATTRIBUTES(WinogradWeightsAttributes, PELLUCID_WINOGRAD_WEIGHTS)

// parts: sums that make up the gradient.
#define PELLUCID_WINOGRAD_GRADIENT(INTEGER, REAL) INTEGER(in_channels) INTEGER(out_channels) INTEGER(parts)
PELLUCID_ATTRIBUTES(WinogradGradientAttributes, PELLUCID_WINOGRAD_GRADIENT)
// Which cells of the source a convolution's windows read, and how they are copied for it: see
// kernels/blocks/convolution.h. images: to take at a time; form is an ImageForm.
#define PELLUCID_BAND(INTEGER, REAL) \
  INTEGER(in_height)                 \
  INTEGER(in_width)                  \
  INTEGER(sources)                   \
  INTEGER(form)                      \
  INTEGER(rectify_source)            \
  REAL(scale)                        \
  INTEGER(direct)                    \
  INTEGER(joined)                    \
  INTEGER(rows)                      \
  INTEGER(columns)                   \
  INTEGER(bands)                     \
  INTEGER(slots)                     \
  INTEGER(column_copies)             \
  INTEGER(width)                     \
  INTEGER(plane)                     \
  INTEGER(chunk)                     \
  INTEGER(images)

// Output position (row, column) is written to (row * row_step + first_row, likewise) of the output.
#define PELLUCID_CORRELATION(INTEGER, REAL) \
  PELLUCID_BAND(INTEGER, REAL)              \
  INTEGER(groups)                           \
  INTEGER(parts)                            \
  INTEGER(taps)                             \
  INTEGER(out_channels)                     \
  INTEGER(out_height)                       \
  INTEGER(out_width)                        \
  INTEGER(row_step)                         \
  INTEGER(column_step)                      \
  INTEGER(first_row)                        \
  INTEGER(first_column)                     \
  INTEGER(rectify)
PELLUCID_ATTRIBUTES(BlockCorrelationAttributes, PELLUCID_CORRELATION)

// kernel_taps: of one kernel of the layer; taps: of those that are used. transposed: outputs are the layer's
// inputs, as the gradient of its input has it.
#define PELLUCID_KERNEL_PACKING(INTEGER, REAL) \
  INTEGER(in_channels)                         \
  INTEGER(out_channels)                        \
  INTEGER(channel_groups)                      \
  INTEGER(kernel_taps)                         \
  INTEGER(taps)                                \
  INTEGER(groups)                              \
  INTEGER(transposed)
PELLUCID_ATTRIBUTES(KernelPackingAttributes, PELLUCID_KERNEL_PACKING)

// source_parts: that the source's channel blocks are shared out in.
#define PELLUCID_KERNEL_GRADIENT(INTEGER, REAL) \
  PELLUCID_BAND(INTEGER, REAL)                  \
  INTEGER(in_channels)                          \
  INTEGER(out_channels)                         \
  INTEGER(channel_groups)                       \
  INTEGER(taps)                                 \
  INTEGER(groups)                               \
  INTEGER(parts)                                \
  INTEGER(source_parts)
PELLUCID_ATTRIBUTES(KernelGradientAttributes, PELLUCID_KERNEL_GRADIENT)

// Rows and columns of the source as kernels/blocks/depthwise.h has them. ring: rows that are held; width:
// cells of a copied row; kernel_width: taps along a row; parts: that the rows of an output, or for the
// gradient of the kernels the images, are shared out in.
#define PELLUCID_DEPTHWISE(INTEGER, REAL) \
  INTEGER(channels)                       \
  INTEGER(in_height)                      \
  INTEGER(in_width)                       \
  INTEGER(out_height)                     \
  INTEGER(out_width)                      \
  INTEGER(rectify_source)                 \
  INTEGER(ring)                           \
  INTEGER(width)                          \
  INTEGER(row_step)                       \
  INTEGER(row_phases)                     \
  INTEGER(column_step)                    \
  INTEGER(column_phases)                  \
  INTEGER(taps)                           \
  INTEGER(kernel_width)                   \
  INTEGER(rectify)                        \
  INTEGER(parts)
PELLUCID_ATTRIBUTES(DepthwiseAttributes, PELLUCID_DEPTHWISE)

#define PELLUCID_DEPTHWISE_WEIGHTS(INTEGER, REAL) INTEGER(channels) INTEGER(taps) INTEGER(parts)
PELLUCID_ATTRIBUTES(DepthwiseWeightsAttributes, PELLUCID_DEPTHWISE_WEIGHTS)

// Sizes of a padded map and of the map within.
#define PELLUCID_FOLDING(INTEGER, REAL) \
  INTEGER(channels) INTEGER(height) INTEGER(width) INTEGER(padded_height) INTEGER(padded_width)
PELLUCID_ATTRIBUTES(FoldingAttributes, PELLUCID_FOLDING)
// Maps of each image, and the zeros to lay around them.
#define PELLUCID_PADDED_GATHER(INTEGER, REAL) \
  INTEGER(channels)                           \
  INTEGER(height)                             \
  INTEGER(width)                              \
  INTEGER(top)                                \
  INTEGER(bottom)                             \
  INTEGER(left)                               \
  INTEGER(right)                              \
  REAL(scale)
PELLUCID_ATTRIBUTES(PaddedGatherAttributes, PELLUCID_PADDED_GATHER)
#define PELLUCID_BLOCK_LINEAR(INTEGER, REAL) INTEGER(in_features) INTEGER(out_features) INTEGER(rectify)
PELLUCID_ATTRIBUTES(BlockLinearAttributes, PELLUCID_BLOCK_LINEAR)

// part: neighbouring cells that share a draw.
#define PELLUCID_DROPOUT(INTEGER, REAL) INTEGER(cells) INTEGER(part) INTEGER(node) REAL(rate)
PELLUCID_ATTRIBUTES(DropoutAttributes, PELLUCID_DROPOUT)

// part: 1, or whole channels.
#define PELLUCID_BLOCK_DROPOUT(INTEGER, REAL) \
  INTEGER(channels) INTEGER(positions) INTEGER(part) INTEGER(node) REAL(rate)
PELLUCID_ATTRIBUTES(BlockDropoutAttributes, PELLUCID_BLOCK_DROPOUT)

// Channels from one place in an array of channel blocks to another place in another.
#define PELLUCID_BLOCK_COPY(INTEGER, REAL) \
  INTEGER(channels)                        \
  INTEGER(positions)                       \
  INTEGER(from)                            \
  INTEGER(from_channels)                   \
  INTEGER(to)                              \
  INTEGER(to_channels)
PELLUCID_ATTRIBUTES(BlockCopyAttributes, PELLUCID_BLOCK_COPY)

#define PELLUCID_NORMALIZATION(INTEGER, REAL) \
  INTEGER(channels) INTEGER(positions) REAL(epsilon) REAL(momentum)
PELLUCID_ATTRIBUTES(NormalizationAttributes, PELLUCID_NORMALIZATION)

// parts of an image that are normalised apart: `runs` of `positions` cells each, of which every run has one
// scale and shift; of these there are `period`.
#define PELLUCID_IMAGE_NORMALIZATION(INTEGER, REAL) \
  INTEGER(parts) INTEGER(runs) INTEGER(positions) INTEGER(period) REAL(epsilon)
PELLUCID_ATTRIBUTES(ImageNormalizationAttributes, PELLUCID_IMAGE_NORMALIZATION)

// size: neighbouring channels; alpha: of one square; beta: the exponent; k: what is added to the sum.
#define PELLUCID_LOCAL_RESPONSE(INTEGER, REAL) \
  INTEGER(channels) INTEGER(positions) INTEGER(size) REAL(alpha) REAL(beta) REAL(k)
PELLUCID_ATTRIBUTES(LocalResponseAttributes, PELLUCID_LOCAL_RESPONSE)

// Of scores (classes, positions). counted: whether right answers are; smoothing: of labels; has_rubbish:
// whether exp(-rubbish_distance) joins the denominator; margin: of a hinge; weight: of this output's loss.
#define PELLUCID_LOSS(INTEGER, REAL) \
  INTEGER(classes)                   \
  INTEGER(positions)                 \
  INTEGER(counted)                   \
  INTEGER(has_rubbish)               \
  REAL(smoothing)                    \
  REAL(rubbish_distance)             \
  REAL(margin)                       \
  REAL(weight)
PELLUCID_ATTRIBUTES(LossAttributes, PELLUCID_LOSS)

#define PELLUCID_OPTIMIZER(INTEGER, REAL) \
  INTEGER(nesterov)                       \
  INTEGER(decoupled)                      \
  REAL(momentum)                          \
  REAL(beta1)                             \
  REAL(beta2)                             \
  REAL(epsilon)                           \
  REAL(weight_decay)
PELLUCID_ATTRIBUTES(OptimizerAttributes, PELLUCID_OPTIMIZER)

}  // namespace pellucid
