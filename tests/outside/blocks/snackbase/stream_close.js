eventSource.close();
