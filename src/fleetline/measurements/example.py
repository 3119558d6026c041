"""Rows of one's own to start from: the columns that say what ran, and a few published runs under them."""

# rows of benchmarks.csv (SemiAnalysis InferenceX), by their ids; a test holds every cell to the shipped table
EXAMPLE = """\
row_id,model,hardware,framework,precision,spec_method,decode_tp,decode_ep,isl_tokens,osl_tokens,conc,statistic,median_tpot_s,median_ttft_s,tput_per_gpu_tok_s
34,llama70b,h100,vllm,fp8,none,4,1,1024,1024,4,median_over_runs,0.01155776228695942,,167.1842830141972
36,llama70b,h100,vllm,fp8,none,4,1,1024,1024,16,median_over_runs,0.013236854469491084,,590.8198800842318
38,llama70b,h100,vllm,fp8,none,4,1,1024,1024,64,median_over_runs,0.019767480473023548,,1568.6176358314174
3159,kimik2.5,h200,vllm,int4,none,8,1,8192,1024,4,median_over_runs,0.011885992315611577,,356.0232890218446
3161,kimik2.5,h200,vllm,int4,none,8,1,8192,1024,16,median_over_runs,0.022195590211377212,,772.0973203996942
3163,kimik2.5,h200,vllm,int4,none,8,1,8192,1024,64,median_over_runs,0.06134305384347684,,1149.268515073574
"""
