"""The values of `viaduct-bench link-rows`, as tables show them."""

# Heading, name of the value, what it is divided by, decimals.
ROWS = [
    ("call ms", "call_p50_us", 1000, 2), ("submit + wait ms", "submit_wait_p50_us", 1000, 2),
    ("frames/s, 3 in flight", "frames_per_s", 1, 0), ("upload MB/s, random", "upload_MBps", 1, 1),
    ("… code", "upload_code_MBps", 1, 1), ("download MB/s, random", "download_MBps", 1, 1),
    ("… code", "download_code_MBps", 1, 1), ("1280x720 frame ms, random", "frame_all_ms", 1, 1),
    ("… a tenth changed", "frame_tenth_ms", 1, 1)]
