// An array whose capacity is known when it is made: without heap for up to kInline elements, so that a
// present of a few swapchains allocates nothing. May throw std::bad_alloc when it is made, never later.
#pragma once

#include <cstddef>
#include <memory>

namespace viaduct::guest::wsi {

template <class T, std::size_t kInline = 4>
class SmallArray {
 public:
  explicit SmallArray(std::size_t capacity) {
    if (capacity <= kInline) return;
    heap_ = std::make_unique<T[]>(capacity);
    data_ = heap_.get();
  }
  SmallArray(std::size_t count, T value) : SmallArray(count) {
    for (; size_ < count; ++size_) data_[size_] = value;
  }
  SmallArray(const SmallArray&) = delete;
  SmallArray& operator=(const SmallArray&) = delete;

  /// At most as often as the capacity says.
  void push(T value) noexcept { data_[size_++] = value; }
  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  const T* data() const noexcept { return data_; }
  T& operator[](std::size_t i) noexcept { return data_[i]; }
  const T& operator[](std::size_t i) const noexcept { return data_[i]; }
  T* begin() noexcept { return data_; }
  T* end() noexcept { return data_ + size_; }

 private:
  T inline_[kInline]{};
  std::unique_ptr<T[]> heap_;
  T* data_ = inline_;
  std::size_t size_ = 0;
};

}  // namespace viaduct::guest::wsi
