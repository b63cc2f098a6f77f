"""A machine that sees: runs inspection pipelines with OpenCV and ONNX Runtime."""
