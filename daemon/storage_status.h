// SPDX-License-Identifier: Apache-2.0
// Whether answers are stored durably, and if not why; changes when a write fails later.
#ifndef RHUMB_DAEMON_STORAGE_STATUS_H_
#define RHUMB_DAEMON_STORAGE_STATUS_H_

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace rhumb::daemon {

// Thread-safe. The first reason stays.
class StorageStatus {
 public:
  void Set(absl::Status status) {
    const absl::MutexLock lock(&mutex_);
    if (status_.ok()) status_ = std::move(status);
  }
  absl::Status Get() const {
    const absl::MutexLock lock(&mutex_);
    return status_;
  }

 private:
  mutable absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORAGE_STATUS_H_
